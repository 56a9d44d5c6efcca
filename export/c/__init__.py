"""Writes C99: ``<model>.c``, ``<model>.h`` and the kernels that the model uses. Also compiles them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgernn.errors import OutputError, UsageError
from edgernn.export.c.library import compile_source, write_shared_library
from edgernn.export.c.models import Exportable, generate_source
from edgernn.export.c.output import write_files
from edgernn.export.c.source import read_kernel, with_includes

__all__ = ["DECODERS", "compile_source", "write", "write_decoders", "write_shared_library"]

TYPES = ("f32", "s16", "s8")
DECODERS = {
    "sample": tuple(f"ern_sample_{kind}.c" for kind in TYPES),
    "ctc": ("ern_ctc_greedy.c", "ern_ctc_beam.c", *(f"ern_log_row_{kind}.c" for kind in TYPES)),
    "events": ("ern_event.c",),
}
"""What ``ern_decode.h`` declares, by name."""


def write(model: Exportable, path: Path, lanes: int = 1, simd: str = "none") -> None:
    """Write ``path`` (ending in .c), its header, and the kernels it needs beside it.

    ``lanes`` is the number of floats that the target processes at once (1, 4, 8 or 16); with more than 1 the
    files are compiled with GCC or clang and -DERN_LANES. ``simd`` packs the int8 weights of an integer model for
    a core: "words" for Cortex-M0+, "dsp" for Cortex-M4, M7 and M33, "helium" for Cortex-M55, "dot" for SDOT (4 lanes),
    AVX2 and VNNI (8 or 16); a float model does not change.

    Raises UnsupportedOpError for what no kernel computes, OutputError where the files cannot be written.
    """
    if path.suffix != ".c":
        raise OutputError(f"{path}: a C file ends in .c")
    source = generate_source(model, path.stem, lanes, simd=simd)
    order = sorted(source.files, key=lambda name: name == path.name)
    write_files({path.with_name(name): source.files[name].encode() for name in order})


def write_decoders(folder: Path, names: Sequence[str]) -> list[Path]:
    """Write decoders (keys of DECODERS) into a folder, beside the C files of a model: the files that it lacked.

    Raises UsageError for an unknown name, OutputError where the files cannot be written.
    """
    if unknown := [name for name in names if name not in DECODERS]:
        raise UsageError(f"unknown decoder {unknown[0]!r}; decoders are {', '.join(DECODERS)}")
    files = with_includes(tuple(file for name in names for file in DECODERS[name]))
    lacking = [folder / name for name in files if not (folder / name).exists()]
    write_files({path: read_kernel(path.name).encode() for path in lacking})
    return lacking
