"""Files of whole segments on tflite-runtime 2.14 and on TensorFlow Lite Micro: see ``test_tflite_elsewhere.py``."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgernn.export.tflite import to_bytes
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.ops.stages import run_stages
from edgernn.validation.sequences import integer_input
from tests.capture.test_segments import converted
from tests.quant.test_segments import segments
from tests.runtime.test_tflite_elsewhere import ROOT, RUNTIMES

CASES = (
    ("stacked tagger", "float32"), ("sentiment", "weights8"), ("lstm", "int8"), ("convolutional", "float32"),
    ("convolutional", "int16x8"), ("normalised", "int16x8"), ("projected", "float32"),
)  # fmt: skip
TOLERANCE = {"float32": 1e-5, "weights8": 1e-5, "int16x8": 0.003, "int8": 0.03}
"""Of the largest output, of integers of their range."""


@cache
def write_all(folder: Path) -> None:
    for k, (name, scheme) in enumerate(CASES):
        model = converted(name)
        sequences = segments(model)
        if scheme != "float32":
            model = model.quantize(sequences, scheme)
        (folder / f"{k}.tflite").write_bytes(to_bytes(model.segment))
        save_expected(model.segment, sequences[:3], folder / f"{k}.npz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments")


@pytest.mark.parametrize(("runtime", "variable"), RUNTIMES)
def test_segments_elsewhere(runtime: str, variable: str, folder: Path) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{runtime}: {variable} names no Python that has it")
    write_all(folder)
    command = [python, "-B", str(ROOT / "tests/runtime/tflite_elsewhere.py"), runtime, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    errors = {int(number): float(error) for number, error in map(str.split, done.stdout.splitlines())}
    assert sorted(errors) == list(range(len(CASES)))
    wrong = {CASES[k]: error for k, error in errors.items() if not error <= TOLERANCE[CASES[k][1]]}
    assert not wrong


def save_expected(segment: Segment, sequences: list[dict[str, Array]], path: Path) -> None:
    """Frames, with rows of the largest numbers behind the last one, and what the definition gives for them."""
    arrays: dict[str, Array] = {}
    for t, sequence in enumerate(sequences):
        inputs = integer_input(tuple(segment.inputs), sequence)
        count = len(next(iter(inputs.values())))
        arrays[f"count{t}"] = np.array(count)
        for k, port in enumerate(segment.inputs):
            largest = np.finfo(port.dtype).max if port.dtype == "float32" else np.iinfo(port.dtype).max
            rows = np.full((segment.max_steps, *port.shape), largest, port.dtype)
            rows[:count] = inputs[port.name].reshape(count, *port.shape)
            arrays[f"x{t}_{k}"] = rows
        outputs = run_stages(segment, inputs)
        arrays |= {f"y{t}_{k}": outputs[p.name].astype(p.dtype) for k, p in enumerate(segment.outputs)}
    arrays |= {f"timed{k}": np.array(p.kind == "frame") for k, p in enumerate(segment.outputs)}
    sizes = {"inputs": len(segment.inputs), "outputs": len(segment.outputs), "segments": len(sequences)}
    np.savez(path, **arrays, **{name: np.array(size) for name, size in sizes.items()})
