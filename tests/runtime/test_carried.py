"""States of quantized ONNX and TFLite files, carried over 1,000 steps by each runtime, against the float model.

The runtimes of ``test_tflite_elsewhere`` are in environments of their own.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgernn import runtime
from edgernn.ir.graph import Graph
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame
from tests.runtime.carried import LEAST_DB, MODELS, SCHEMES, Stream, quantized, stream
from tests.runtime.test_tflite_elsewhere import ROOT, RUNTIMES
from tests.support import SUFFIX_OF_ENGINE, require, write

EXACT_ENGINE = "reference"
MEMORY_DB = 5.0
"""By which outputs of carried states are nearer to the float model than those of wiped ones, at the least."""
FOREIGN_ENGINES = ("onnxruntime", "tflite")


def opened(graph: Graph, engine: str, folder: Path) -> runtime.Session:
    require(engine)
    path = folder / f"model{SUFFIX_OF_ENGINE[engine]}"
    write(graph, path)
    return runtime.load(path, engine)


def check(name: str, wanted: Stream, scheme: str, found: np.ndarray) -> None:
    every, last = wanted.decibels(found)
    least = max(LEAST_DB[scheme], wanted.decibels_without_memory + MEMORY_DB)
    assert min(every, last) > least, f"{name}: {every:.1f} dB, {last:.1f} dB in the last 100 of 1,000 steps"


@pytest.mark.parametrize("model", MODELS)
def test_a_state_that_is_wiped_would_be_found(model: str) -> None:
    assert stream(model).decibels_without_memory < min(LEAST_DB[s] for s in ("int16x8", "int8", "weights8")) - 15


@pytest.mark.parametrize("engine", FOREIGN_ENGINES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("model", MODELS)
def test_state_is_carried_for_1000_steps(model: str, scheme: str, engine: str, tmp_path: Path) -> None:
    wanted = stream(model)
    with opened(quantized(model, scheme), engine, tmp_path) as session:
        check(engine, wanted, scheme, np.stack([session.step(frame) for frame in wanted.frames]))


@pytest.mark.parametrize(("name", "variable"), RUNTIMES)
def test_state_is_carried_for_1000_steps_elsewhere(name: str, variable: str, tmp_path: Path) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{name}: {variable} names no Python that has it")
    graphs = {(model, scheme): quantized(model, scheme) for model in MODELS for scheme in SCHEMES}
    for (model, scheme), graph in graphs.items():
        save(stream(model), graph, tmp_path / f"{model}_{scheme}.tflite")
    command = [python, "-B", str(ROOT / "tests/runtime/stream_elsewhere.py"), name, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for (model, scheme), graph in graphs.items():
        found = dequantize(np.load(tmp_path / f"{model}_{scheme}.npy"), graph.outputs[0])
        check(f"{name}, {model}, {scheme}", stream(model), scheme, found)


def save(wanted: Stream, graph: Graph, path: Path) -> None:
    """The file, and beside it the frames and initial states as ``stream_elsewhere`` reads them."""
    write(graph, path)
    port, counts = graph.inputs[0], {"inputs": graph.inputs, "outputs": graph.outputs, "states": graph.states}
    frames = quantize_frame(wanted.frames, port) if port.scale else wanted.frames
    initial = {f"initial{k}": state.initial for k, state in enumerate(graph.states)}
    np.savez(path.with_suffix(".npz"), frames=frames, **initial, **{n: np.array(len(e)) for n, e in counts.items()})


@pytest.mark.parametrize("engine", FOREIGN_ENGINES)
@pytest.mark.parametrize("scheme", ["int16x8", "int8", "weights8"])
@pytest.mark.parametrize("model", ["two_layers", "pooled"])
def test_snapshots_move_between_arithmetics(model: str, scheme: str, engine: str, tmp_path: Path) -> None:
    """A state has the same meaning everywhere: one half of a stream on one engine, the other on another, and back."""
    wanted = stream(model)
    graph = quantized(model, scheme)
    sessions = [opened(graph, EXACT_ENGINE, tmp_path), opened(graph, engine, tmp_path)]
    found, quarter = [], len(wanted.frames) // 4
    for part in range(4):
        session = sessions[part % 2]
        found += [session.step(frame) for frame in wanted.frames[part * quarter : (part + 1) * quarter]]
        sessions[(part + 1) % 2].restore(session.snapshot())
    check(engine, wanted, scheme, np.stack(found))
