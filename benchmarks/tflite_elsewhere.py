"""Streams frames through a .tflite file with tflite-runtime or TensorFlow Lite Micro, and times it.

    PYTHON tflite_elsewhere.py tflite-runtime|tflite-micro FILE FED.npz OUTPUTS.npy

Needs NumPy and the runtime, nothing else. FED holds "frames" [T, ...] as the first input takes them, and "state0",
"state1", ... Prints a JSON object: "us", and of Micro "arena_bytes".
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BURSTS = 20
ARENA_STEP_BYTES = 1024
LARGEST_ARENA_BYTES = 1 << 26

Step = Callable[[Any], Any]


def runtime_step(path: str, states: list[Any]) -> Step:
    """tflite-runtime, one thread."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    inputs = [d["index"] for d in interpreter.get_input_details()]
    outputs = [d["index"] for d in interpreter.get_output_details()]

    def step(frame: Any) -> Any:
        for index, array in zip(inputs, [frame, *states]):  # noqa: B905
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        y, *states[:] = [interpreter.get_tensor(index) for index in outputs]
        return y

    return step


def micro_step(path: str, states: list[Any], arena_bytes: int | None = None) -> Step:
    """TensorFlow Lite Micro. Raises RuntimeError where the arena is too small."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(path, arena_size=arena_bytes)

    def step(frame: Any) -> Any:
        for k, array in enumerate([frame, *states]):
            interpreter.set_input(np.ascontiguousarray(array), k)
        interpreter.invoke()
        y, *states[:] = [np.array(interpreter.get_output(k)) for k in range(1 + len(states))]
        return y

    return step


def least_arena_bytes(path: str, states: list[Any], frame: Any) -> int:
    """To ARENA_STEP_BYTES."""
    low, high = 0, LARGEST_ARENA_BYTES // ARENA_STEP_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        try:
            micro_step(path, list(states), middle * ARENA_STEP_BYTES)(frame)
            high = middle
        except (RuntimeError, ValueError):
            low = middle
    return high * ARENA_STEP_BYTES


def main(runtime: str, path: str, fed: str, outputs: str) -> None:
    """See the module."""
    data = np.load(fed)
    initial = [data[f"state{k}"] for k in range(len(data.files) - 1)]
    step = {"tflite-runtime": runtime_step, "tflite-micro": micro_step}[runtime](path, list(initial))
    frames = list(data["frames"])
    np.save(outputs, np.stack([step(frame) for frame in frames]))
    bursts, length = [], max(1, len(frames) // BURSTS)
    for start in range(0, length * BURSTS, length):
        begin = time.process_time_ns()
        for frame in frames[start : start + length]:
            step(frame)
        bursts.append((time.process_time_ns() - begin) / length / 1e3)
    result: dict[str, Any] = {"us": statistics.median(bursts)}
    if runtime == "tflite-micro":
        result["arena_bytes"] = least_arena_bytes(path, initial, frames[0])
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
