"""Writes shared libraries: the C of a model, compiled, with its metadata and a checksum at the end."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError, OutputError, UsageError
from edgernn.export.c.build import Compiler, compile_shared, find_compiler, flags
from edgernn.export.c.models import Exportable, generate_source, interface_of
from edgernn.export.c.source import Source, read_kernel, template
from edgernn.export.c.targets import Target, host_target, target_named
from edgernn.export.c.text import c_prefix
from edgernn.export.files import write_file
from edgernn.ir.cpu import host_machine
from edgernn.ir.interface import Interface, little_endian
from edgernn.ir.sofile import ELF_MACHINES, LibraryInfo, pack_library, parse_library
from edgernn.ir.types import DTYPE_BYTES

STEM = "model"
BLOB = "weights.bin"
MAIN = "library.c"
GLUE = ("ern_python.c", "ern_library.h")
_SETTING = re.compile(r"^#if (ERN_[A-Z]+) != (\d+)$", re.MULTILINE)


def write_shared_library(
    model: Exportable,
    path: Path,
    target: str | Target | None = None,
    cc: str | None = None,
    *,
    portable: bool = False,
    optimize: str = "-O2",
) -> None:
    """Write ``model`` as a shared library for Linux at ``path``.

    By default it is built for the processor of this machine; with ``portable``, for any of its family; with
    ``target``, for one of ``edgernn.export.c.targets.TARGETS`` (a Raspberry Pi, for instance) or another one
    that is described like those. What another machine needs is compiled by zig, unless ``cc`` names a
    compiler for it. ``optimize`` is the compiler's option.

    Raises UnsupportedOpError for what no kernel computes, MissingExtraError where there is no compiler,
    UsageError for an unknown target or compiler, OutputError where compiling or writing fails.
    """
    chosen = target if isinstance(target, Target) else target_named(target) if target else host_target(portable)
    if chosen.machine not in ELF_MACHINES:
        raise UsageError(f"no shared library can be built for {chosen.machine}; known are {', '.join(ELF_MACHINES)}")
    tuned = target is None and not portable
    compiler = find_compiler(cc, cross=chosen.machine != host_machine())
    source = generate_source(model, STEM, chosen.lanes, simd=chosen.simd, embed=True)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as name:
        folder = Path(name)
        for file, text in source.files.items():
            (folder / file).write_text(text)
        context = _context(source.interface, STEM, source.kernels)
        _write_glue(folder, {**context, "weights": _write_weights(folder / BLOB, source)})
        image = _compile(compiler, flags(compiler, chosen, optimize, tuned), folder)
    write_file(path, _packed(image, LibraryInfo(source.interface, chosen.machine, chosen.features, chosen.lanes), path))


def compile_source(source: Path, model: Exportable, path: Path, cc: str | None = None) -> None:
    """Compile what ``write`` made of ``model`` at ``source``, as it stands, as a library for this machine.

    It serves to prove the C that goes to another machine: its text, its weights and its order of operations.
    Raises as ``write_shared_library``.
    """
    settings = dict(_SETTING.findall(source.read_text()))
    lanes = int(settings["ERN_LANES"])
    host = replace(host_target(), lanes=lanes)
    compiler = find_compiler(cc, cross=False)
    kernels = tuple(sorted(file.name for file in source.parent.glob("ern_*.c")))
    interface = interface_of(model)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as name:
        folder = Path(name)
        _write_glue(folder, {**_context(interface, source.stem, kernels), "weights": []})
        extra = [f"-I{source.parent.resolve()}", *(f"-D{key}={value}" for key, value in settings.items())]
        image = _compile(compiler, [*flags(compiler, host, "-O1", host=False), *extra], folder)
    write_file(path, _packed(image, LibraryInfo(interface, host.machine, host.features, lanes), path))


def _write_glue(folder: Path, context: dict[str, Any]) -> None:
    """The translation unit that includes all others, and what a process that loads the library calls."""
    for name in GLUE:
        (folder / name).write_text(read_kernel(name))
    (folder / MAIN).write_text(template("library.c.jinja").render(context))


def _compile(compiler: Compiler, arguments: list[str], folder: Path) -> bytes:
    image = folder / "model.so"
    compile_shared(compiler, arguments, folder / MAIN, image)
    return image.read_bytes()


def _packed(image: bytes, info: LibraryInfo, path: Path) -> bytes:
    """The file, which is sure to load as far as its form goes."""
    library = pack_library(image, info)
    try:
        parse_library(library, str(path))
    except ArtifactError as error:
        raise OutputError(f"{error}: the C compiler builds for something else") from None
    return library


def _write_weights(path: Path, source: Source) -> list[dict[str, Any]]:
    """One binary file with all large arrays, little-endian, and where each lies in it."""
    places, offset = [], 0
    with path.open("wb") as file:
        for weight in source.weights:
            data = b"" if weight.elements is None else little_endian(weight.elements)
            file.write(data)
            places.append({"name": weight.name, "offset": offset, "nbytes": len(data)})
            offset += len(data)
    return places


def _context(interface: Interface, stem: str, kernels: tuple[str, ...]) -> dict[str, Any]:
    name, whole = c_prefix(stem), interface.whole_segment()
    return {
        "blob": BLOB, "name": name, "prefix": name.upper(), "stem": stem, "kernels": kernels,
        "input_bytes": [p.size * DTYPE_BYTES[p.dtype] for p in whole.inputs],
        "output_bytes": [p.size * DTYPE_BYTES[p.dtype] for p in whole.outputs],
        "states": len(interface.states), "segments": interface.max_frames is not None,
        "sources": 0 if interface.encoder is None else len(interface.encoder.inputs),
    }  # fmt: skip
