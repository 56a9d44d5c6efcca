"""For the tests of the C writer: many op cases as one model, compilers, and programs that run models."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgernn.export.c.source import Source, generate
from edgernn.export.c.text import C_TYPES
from edgernn.ir.graph import Graph, Node
from tests.ops.cases.base import Case

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]
ZIG = [sys.executable, "-m", "ziglang", "cc"]


def compiler() -> list[str]:
    """The C compiler of this machine, or zig."""
    path = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    return [path] if path else ZIG


def merged(cases: list[Case]) -> Case:
    """One case that computes all of ``cases`` side by side."""
    graph = Graph("merged")
    for number, case in enumerate(cases):
        _append(graph, case.graph, f"g{number}_")
    frames = [sum((case.frames[t] for case in cases), ()) for t in range(len(cases[0].frames))]
    return Case("merged", graph, frames, max(case.tolerance for case in cases))


def _append(graph: Graph, part: Graph, prefix: str) -> None:
    graph.constants.update({prefix + name: array for name, array in part.constants.items()})
    graph.values.update({prefix + name: value for name, value in part.values.items()})
    graph.inputs += [replace(p, name=prefix + p.name, value=prefix + p.value) for p in part.inputs]
    graph.outputs += [replace(p, name=prefix + p.name, value=prefix + p.value) for p in part.outputs]
    graph.states += [
        replace(s, name=prefix + s.name, before=prefix + s.before, after=prefix + s.after) for s in part.states
    ]
    graph.nodes += [
        Node(prefix + n.name, n.op, tuple(prefix + i for i in n.inputs), tuple(prefix + o for o in n.outputs))
        for n in part.nodes
    ]


def write_sources(source: Source, folder: Path) -> None:
    """Put the files of a model into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in source.files.items():
        (folder / name).write_text(text)


def write_driver(case: Case, folder: Path, lanes: int, simd: str = "none") -> list[str]:
    """The model of ``case`` and a program that steps it over the case's frames, with a snapshot, a fresh structure
    and a restore in the middle, and prints every output. All memory is of exact size. Returns the .c files."""
    source = generate(case.graph, "model", lanes, simd=simd)
    write_sources(source, folder)
    frames = [np.stack([f[k] for f in case.frames]) for k in range(len(case.graph.inputs))]
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", '#include "model.h"']
    for k, array in enumerate(frames):
        kind = C_TYPES[str(array.dtype)]
        texts = [f"{v.hex()}f" if kind == "float" else str(v) for v in array.ravel().tolist()]
        lines.append(f"static const {kind} x{k}[] = {{{', '.join(texts)}}};")
    lines += ["int main(void)", "{", "    model_state *model = malloc(sizeof *model);"]
    lines += ["    uint8_t *blob = malloc(MODEL_SNAPSHOT_BYTES);", "    model_init(model);"]
    for k, port in enumerate(case.graph.outputs):
        lines.append(f"    {C_TYPES[port.dtype]} *y{k} = malloc({port.size} * sizeof *y{k});")
    inputs = []
    for k, (port, array) in enumerate(zip(case.graph.inputs, frames, strict=True)):
        lines.append(f"    void *in{k} = malloc({port.size} * sizeof *x{k});")
        inputs.append((f"in{k}", f"memcpy(in{k}, x{k} + t * {port.size}, {array.dtype.itemsize * port.size});"))
    arguments = ", ".join([*(name for name, _ in inputs), *(f"y{k}" for k in range(len(case.graph.outputs)))])
    lines += [f"    for (size_t t = 0; t < {len(case.frames)}; t++) {{", *(f"        {text}" for _, text in inputs)]
    lines += [f"        if (model_step(model, {arguments}) != ERN_OK)", "            return 1;"]
    for k, port in enumerate(case.graph.outputs):
        lines.append(f'        for (size_t i = 0; i < {port.size}; i++) printf("%.9g\\n", (double)y{k}[i]);')
    lines += ["        model_snapshot(model, blob);", "        free(model);", "        model = malloc(sizeof *model);"]
    lines += [
        "        if (model_restore(model, blob, MODEL_SNAPSHOT_BYTES) != ERN_OK)",
        "            return 2;",
        "    }",
    ]
    lines += [f"    free({name});" for name in ("model", "blob", *(f"y{k}" for k in range(len(case.graph.outputs))))]
    lines += [f"    free({name});" for name, _ in inputs] + ["    return 0;", "}", ""]
    (folder / "main.c").write_text("\n".join(lines))
    return ["main.c", "model.c", *source.kernels]


def run(command: list[str], folder: Path) -> str:
    """Run a command that must succeed and return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
    )
    return done.stdout
