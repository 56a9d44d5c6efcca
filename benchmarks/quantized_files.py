"""What quantized .onnx and .tflite files cost and lose, in each runtime: time of a step, size, memory, error.

    python -m benchmarks.quantized_files [--model NAME] [--json results.json]

Errors are those of the output over 1,000 steps with the state carried, against the float program in float64; the
decibels are its power over that of the error. tflite-runtime and TensorFlow Lite Micro run in Pythons of their own,
which the variables EDGERNN_TFLITE_RUNTIME_PYTHON and EDGERNN_TFLM_PYTHON name; without them, these columns are empty.
Times are processor times of steps with real frames through ``session.step``, elsewhere of steps through the runtime's
own interpreter. The arena is the least with which Micro runs the file.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.candidates import WRITERS, integer_program, open_engine, write_artifact
from benchmarks.models import MODELS, Model, frames, step_program
from benchmarks.report import console, machine, show_missing, show_table, write_json
from benchmarks.timing import interleaved_us, medians
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ops.evaluate import run_block
from edgernn.quant import quantize_weights
from edgernn.runtime.quantized import dequantize, quantize
from edgernn.runtime.session import Session

SCHEMES = ("float32", "weights8", "int16x8", "int8", "int16x4")
INSTALLED = {"onnxruntime": "ONNX Runtime", "tflite": "LiteRT"}
ELSEWHERE = {"tflite-runtime": "EDGERNN_TFLITE_RUNTIME_PYTHON", "tflite-micro": "EDGERNN_TFLM_PYTHON"}
STEPS = 1000
SCRIPT = Path(__file__).with_name("tflite_elsewhere.py")


@dataclass(frozen=True)
class Found:
    """Of one file in one runtime."""

    us: float
    sqnr_db: float
    max_error: float
    file_bytes: int
    arena_bytes: int | None = None


def program(model: Model, scheme: str) -> Graph:
    """The model in ``scheme``."""
    if scheme in ("float32", "weights8"):
        graph = step_program(model)
        return quantize_weights(graph) if scheme == "weights8" else graph
    return integer_program(model, scheme)


def errors(wanted: Array, found: Array) -> tuple[float, float]:
    """Decibels, and the largest difference."""
    difference = found - wanted
    noise = float(np.mean(np.square(difference)))
    decibels = 10 * float(np.log10(float(np.mean(np.square(wanted))) / noise)) if noise else float("inf")
    return decibels, float(np.abs(difference).max())


def measure(model: Model, rounds: int) -> dict[str, dict[str, Found]]:
    """Scheme -> runtime -> what was found."""
    block = np.stack(frames(model, STEPS, seed=5))
    wanted = run_block(step_program(model), {"x": block})["y"]
    results: dict[str, dict[str, Found]] = {}
    for scheme in SCHEMES:
        graph = program(model, scheme)
        graph.name = f"{model.name}_{scheme}"
        with tempfile.TemporaryDirectory() as folder:
            results[scheme] = _installed(graph, block, wanted, rounds, Path(folder))
            for runtime, variable in ELSEWHERE.items():
                if os.environ.get(variable):
                    results[scheme][runtime] = _elsewhere(runtime, variable, graph, block, wanted, Path(folder))
    return results


def _installed(graph: Graph, block: Array, wanted: Array, rounds: int, folder: Path) -> dict[str, Found]:
    sessions = {engine: Session(open_engine(graph, engine, folder)) for engine in INSTALLED}
    found = {engine: np.stack([np.asarray(s.step(frame)) for frame in block]) for engine, s in sessions.items()}
    steps = {engine: s.step for engine, s in sessions.items()}
    us = medians(interleaved_us(steps, {engine: list(block) for engine in steps}, rounds))
    sizes = {engine: (folder / f"{graph.name}{WRITERS[engine][2]}").stat().st_size for engine in sessions}
    return {e: Found(us[e], *errors(wanted, found[e]), sizes[e]) for e in sessions}


def _elsewhere(runtime: str, variable: str, graph: Graph, block: Array, wanted: Array, folder: Path) -> Found:
    """By a script in another Python. Raises click.ClickException where it fails."""
    path, (source,), (target,) = write_artifact(graph, "tflite", folder), graph.inputs, graph.outputs
    fed = {f"state{k}": state.initial[None] for k, state in enumerate(graph.states)}
    fed["frames"] = (quantize(block, source) if source.scale else block)[:, None]
    np.savez(folder / "fed.npz", allow_pickle=False, **fed)
    command = [os.environ[variable], str(SCRIPT), runtime, str(path), str(folder / "fed.npz"), str(folder / "y.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{runtime}: {done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    found = dequantize(np.load(folder / "y.npy")[:, 0], target)
    return Found(result["us"], *errors(wanted, found), path.stat().st_size, result.get("arena_bytes"))


def show(model: Model, results: dict[str, dict[str, Found]]) -> None:
    """Two tables: what files cost, and what they lose."""
    titles = {**INSTALLED, **{name: name for name in ELSEWHERE if name in results[SCHEMES[0]]}}
    columns = ["scheme", *titles.values()]
    cost = [[scheme, *(_cost(found[r]) for r in titles)] for scheme, found in results.items()]
    show_table(f"{model.title} and Linear: microseconds a step; kB of the file, and of the arena", columns, cost)
    loss = [[scheme, *(_loss(found[r]) for r in titles)] for scheme, found in results.items()]
    show_table(f"{model.title} and Linear: decibels over the error, largest error", columns, loss)


def _loss(found: Found) -> str:
    return f"{found.sqnr_db:.1f} dB, {found.max_error:.2g}"


def _cost(found: Found) -> str:
    arena = "" if found.arena_bytes is None else f" + {found.arena_bytes / 1000:.0f}"
    return f"{found.us:.1f} us, {found.file_bytes / 1000:.0f}{arena} kB"


@click.command(help=__doc__)
@click.option("--model", "names", multiple=True, type=click.Choice([m.name for m in MODELS]), help="All by default.")
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(3), help="Bursts of each candidate.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(names: tuple[str, ...], rounds: int, json_path: Path | None) -> None:
    """See the module."""
    console.print(machine(), markup=False)
    show_missing({name: f"{v} names no Python that has it" for name, v in ELSEWHERE.items() if not os.environ.get(v)})
    results = {}
    for model in (m for m in MODELS if not names or m.name in names):
        found = measure(model, rounds)
        show(model, found)
        results[model.name] = {s: {r: asdict(f) for r, f in runtimes.items()} for s, runtimes in found.items()}
    write_json({"machine": machine(), "steps": STEPS, "results": results}, json_path)


if __name__ == "__main__":
    main()
