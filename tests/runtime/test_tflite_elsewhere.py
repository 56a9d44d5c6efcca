"""The same files on tflite-runtime 2.14 and on TensorFlow Lite Micro, each in an environment of its own.

    python -m venv a && a/bin/pip install tflite-runtime 'numpy<2'    # CPython 3.11
    python -m venv b && b/bin/pip install tflite-micro
    EDGERNN_TFLITE_RUNTIME_PYTHON=a/bin/python EDGERNN_TFLM_PYTHON=b/bin/python pytest tests/runtime
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgernn.export.tflite import to_bytes
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case
from tests.ops.integer_cases.foreign import foreign_cases
from tests.ops.test_engines import reference_run

ROOT = Path(__file__).parents[2]
RUNTIMES = (("tflite-runtime", "EDGERNN_TFLITE_RUNTIME_PYTHON"), ("tflite-micro", "EDGERNN_TFLM_PYTHON"))
"""Name, and the variable that says which Python has it."""
LACKING = {"tflite-micro": ("pow_(5,)_(5,)_stream", "pow_of_constant", "embedding_of_int16_random")}
"""Cases with an operator that a runtime lacks (Micro: POW, GATHER of int16)."""


@pytest.mark.parametrize(("runtime", "variable"), RUNTIMES)
def test_every_case_elsewhere(runtime: str, variable: str, tmp_path: Path) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{runtime}: {variable} names no Python that has it")
    cases = [case for case in (*all_cases(), *foreign_cases()) if case.name not in LACKING.get(runtime, ())]
    for k, case in enumerate(cases):
        (tmp_path / f"{k}.tflite").write_bytes(to_bytes(case.graph))
        save_expected(case, tmp_path / f"{k}.npz")
    command = [python, "-B", str(ROOT / "tests/runtime/tflite_elsewhere.py"), runtime, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    errors = {int(number): float(error) for number, error in map(str.split, done.stdout.splitlines())}
    assert sorted(errors) == list(range(len(cases)))
    wrong = {str(cases[k]): error for k, error in errors.items() if not error <= cases[k].tolerance}
    assert not wrong


def save_expected(case: Case, path: Path) -> None:
    """Frames, initial states, and what the reference gives for them."""
    outputs, finals = reference_run(case)
    arrays = {f"initial{k}": state.initial for k, state in enumerate(case.graph.states)}
    arrays |= {f"final{k}": state for k, state in enumerate(finals)}
    for t, (frames, results) in enumerate(zip(case.frames, outputs, strict=True)):
        arrays |= {f"x{t}_{k}": frame for k, frame in enumerate(frames)}
        arrays |= {f"y{t}_{k}": result for k, result in enumerate(results)}
    ends = {"inputs": case.graph.inputs, "outputs": case.graph.outputs, "states": case.graph.states}
    arrays |= {name: np.array(len(entries)) for name, entries in ends.items()}
    np.savez(path, steps=np.array(len(case.frames)), **arrays)
