"""Writes C99: ``<model>.c``, ``<model>.h`` and the kernels that the model uses. Also compiles them."""

from __future__ import annotations

from pathlib import Path

from edgernn.errors import OutputError
from edgernn.export.c.library import compile_source, write_shared_library
from edgernn.export.c.output import write_files
from edgernn.export.c.source import generate
from edgernn.ir.graph import Graph

__all__ = ["compile_source", "write", "write_shared_library"]


def write(graph: Graph, path: Path, lanes: int = 1, simd: str = "none") -> None:
    """Write ``path`` (ending in .c), its header, and the kernels it needs beside it.

    ``lanes`` is the number of floats that the target processes at once (1, 4, 8 or 16); with more than 1 the
    files are compiled with GCC or clang and -DERN_LANES. ``simd`` packs the int8 weights of an integer model for
    a core: "words" for Cortex-M0+, "dsp" for Cortex-M4, M7 and M33, "helium" for Cortex-M55, "dot" for SDOT (4 lanes),
    AVX2 and VNNI (8 or 16); a float model does not change.

    Raises UnsupportedOpError for what no kernel computes, OutputError where the files cannot be written.
    """
    if path.suffix != ".c":
        raise OutputError(f"{path}: a C file ends in .c")
    source = generate(graph, path.stem, lanes, simd=simd)
    order = sorted(source.files, key=lambda name: name == path.name)
    write_files({path.with_name(name): source.files[name].encode() for name in order})
