"""Runs the files of a folder with another TensorFlow Lite than the one installed with the tests.

    PYTHON tflite_elsewhere.py tflite-runtime|tflite-micro FOLDER

``FOLDER`` holds ``<k>.tflite`` and ``<k>.npz`` (see ``test_tflite_elsewhere.py`` and, of whole segments,
``test_tflite_segments_elsewhere.py``). Prints one line a
file: its number, and the largest error relative to the largest output (at least 1). PYTHON needs
NumPy and the runtime; for tflite-runtime, edgernn must be importable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Step = Callable[[list[Any]], list[Any]]


def open_runtime(path: Path, _data: Any) -> tuple[Step, Callable[[], list[Any]]]:
    """The engine of edgernn, on tflite-runtime. Returns a step and a getter of the states."""
    from edgernn.runtime.engines import tflite

    engine = tflite.open(path)
    return lambda frames: list(engine.run(*frames)), engine.get_states


def open_micro(path: Path, data: Any) -> tuple[Step, Callable[[], list[Any]]]:
    """The interpreter of TensorFlow Lite Micro, states carried by hand.

    An output may share memory with an input, so all outputs are read before any input is written.
    """
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(str(path))
    states = [data[f"initial{k}"][None] for k in range(int(data["states"]))]
    outputs = int(data["outputs"])

    def step(frames: list[Any]) -> list[Any]:
        for k, array in enumerate([*(frame[None] for frame in frames), *states]):
            interpreter.set_input(np.ascontiguousarray(array), k)
        interpreter.invoke()
        results = [np.array(interpreter.get_output(k)) for k in range(outputs + len(states))]
        states[:] = results[outputs:]
        return [result[0] for result in results[:outputs]]

    return step, lambda: [state[0] for state in states]


def largest_error(path: Path, opener: Callable[..., Any]) -> float:
    """Run one file over its frames and compare outputs and final states."""
    data = np.load(path.with_suffix(".npz"))
    step, get_states = opener(path, data)
    error = 0.0
    for t in range(int(data["steps"])):
        found = step([data[f"x{t}_{k}"] for k in range(int(data["inputs"]))])
        for k, y in enumerate(found):
            error = max(error, relative_error(y, data[f"y{t}_{k}"]))
    for k, state in enumerate(get_states()):
        error = max(error, relative_error(state, data[f"final{k}"]))
    return error


def segment_runner(path: Path, runtime: str, outputs: int) -> Callable[[list[Any], int], list[Any]]:
    """Runs whole segments: inputs with the rows of the longest, and how many steps are of the segment."""
    if runtime == "tflite-runtime":
        from edgernn.runtime.engines.tflite_segment import TfliteRunner, open_file

        runner = open_file(path)
        if not isinstance(runner, TfliteRunner):
            raise SystemExit(f"{path} is no file of segments")
        return lambda inputs, count: runner.run([array[:count] for array in inputs], count)
    from tflite_micro.python.tflite_micro import runtime as micro

    interpreter = micro.Interpreter.from_file(str(path))

    def run(inputs: list[Any], count: int) -> list[Any]:
        for k, array in enumerate([*inputs, np.array([count], np.int32)]):
            interpreter.set_input(np.ascontiguousarray(array), k)
        interpreter.invoke()
        return [np.array(interpreter.get_output(k)) for k in range(outputs)]

    return run


def segments_error(path: Path, runtime: str) -> float:
    """As ``largest_error``, of a file of whole segments."""
    data = np.load(path.with_suffix(".npz"))
    run = segment_runner(path, runtime, int(data["outputs"]))
    error = 0.0
    for t in range(int(data["segments"])):
        count = int(data[f"count{t}"])
        for k, y in enumerate(run([data[f"x{t}_{k}"] for k in range(int(data["inputs"]))], count)):
            wanted = data[f"y{t}_{k}"]
            rows = y[:count] if data[f"timed{k}"] else y.reshape(wanted.shape)
            error = max(error, relative_error(rows, wanted))
    return error


def relative_error(found: Any, wanted: Any) -> float:
    """Infinity where shapes or dtypes differ or a value is not a number; of integers, relative to their range."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype or not np.isfinite(found).all():
        return float("inf")
    largest = np.iinfo(found.dtype).max if found.dtype.kind == "i" else max(1.0, np.abs(wanted).max())
    return float(np.abs(found.astype(np.float64) - wanted).max() / largest)


def main(runtime: str, folder: str) -> None:
    """Check every file of the folder."""
    opener = {"tflite-runtime": open_runtime, "tflite-micro": open_micro}[runtime]
    for path in sorted(Path(folder).glob("*.tflite"), key=lambda p: int(p.stem)):
        in_segments = "segments" in np.load(path.with_suffix(".npz")).files
        error = segments_error(path, runtime) if in_segments else largest_error(path, opener)
        print(path.stem, error, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
