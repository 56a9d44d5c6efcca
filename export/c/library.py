"""Writes shared libraries: the C of a model, compiled, with its metadata and a checksum at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError, OutputError, UsageError
from edgernn.export.c.build import compile_shared, find_compiler, flags
from edgernn.export.c.source import Source, generate, read_kernel, template, with_includes
from edgernn.export.c.targets import Target, host_target, target_named
from edgernn.export.files import write_file
from edgernn.ir.cpu import host_machine
from edgernn.ir.graph import Graph
from edgernn.ir.interface import little_endian
from edgernn.ir.sofile import ELF_MACHINES, LibraryInfo, pack_library, parse_library
from edgernn.ir.types import DTYPE_BYTES

STEM = "model"
BLOB = "weights.bin"
GLUE = ("ern_python.c",)


def write_shared_library(
    graph: Graph,
    path: Path,
    target: str | Target | None = None,
    cc: str | None = None,
    *,
    portable: bool = False,
    optimize: str = "-O2",
) -> None:
    """Write ``graph`` as a shared library for Linux at ``path``.

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
    host = target is None and not portable
    compiler = find_compiler(cc, cross=chosen.machine != host_machine())
    source = generate(graph, STEM, chosen.lanes, embed=True)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        main = _write_sources(Path(folder), source, graph)
        image = Path(folder) / "model.so"
        compile_shared(compiler, flags(compiler, chosen, optimize, host), main, image)
        data = image.read_bytes()
    library = pack_library(data, LibraryInfo(source.interface, chosen.machine, chosen.features, chosen.lanes))
    try:
        parse_library(library, str(path))
    except ArtifactError as error:
        raise OutputError(f"{error}: the C compiler {compiler.command[0]} builds for something else") from None
    write_file(path, library)


def _write_sources(folder: Path, source: Source, graph: Graph) -> Path:
    for name, text in source.files.items():
        (folder / name).write_text(text)
    for name in with_includes(GLUE):
        (folder / name).write_text(read_kernel(name))
    weights = _write_weights(folder / BLOB, source)
    main = folder / "library.c"
    main.write_text(template("library.c.jinja").render({**_context(source, graph), "weights": weights}))
    return main


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


def _context(source: Source, graph: Graph) -> dict[str, Any]:
    return {
        "blob": BLOB, "name": source.prefix, "prefix": source.prefix.upper(), "stem": STEM, "kernels": source.kernels,
        "input_bytes": [p.size * DTYPE_BYTES[p.dtype] for p in graph.inputs],
        "output_bytes": [p.size * DTYPE_BYTES[p.dtype] for p in graph.outputs],
        "states": len(graph.states),
    }  # fmt: skip
