"""What is measured against what: edgernn's engines, and others fed by NumPy as their users do."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import Model, frames, operator_model, step_program
from edgernn.errors import EdgeRNNError
from edgernn.ir.graph import Graph
from edgernn.quant import quantize
from edgernn.runtime.engines import ENGINES
from edgernn.runtime.engines.base import Engine
from edgernn.runtime.session import Session

UNIT = "ORT operator"
"""ONNX Runtime's LSTM or GRU operator, fed by NumPy through ``session.run``."""

LITERT = "bare LiteRT"
"""ai-edge-litert's interpreter, fed by NumPy through ``set_tensor`` and ``get_tensor``."""

SCHEMES = ("int16x8", "int8")
"""How the integer rows are quantized."""

INTEGER_ENGINES = ("native", "numba")
"""Engines that run integer models, which are timed with real frames."""

CALIBRATION_FRAMES = 1024

WRITERS = {
    "native": ("edgernn.export.c", "write_shared_library", ".so"),
    "numba": ("edgernn.export.ern", "write", ".ern"),
    "tflite": ("edgernn.export.tflite", "write", ".tflite"),
    "onnxruntime": ("edgernn.export.onnx", "write", ".onnx"),
    "reference": ("edgernn.export.ern", "write", ".ern"),
}
"""Engine -> module, function and suffix that make its artifact."""


@dataclass
class Lineup:
    """The candidates for one model: ``steps`` by name, and why the ``missing`` ones cannot take part."""

    steps: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    lead: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    keep: list[Any] = field(default_factory=list)

    def add(self, name: str, make: Callable[[], tuple[Any, Callable[[Any], Any]]], lead: int = 0) -> None:
        """Add what ``make`` returns (an object to keep alive, a step), or the reason why it fails.

        ``lead`` axes of length 1 precede a frame in what the step takes.
        """
        try:
            owner, step = make()
        except (EdgeRNNError, ImportError) as error:
            self.missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            return
        self.keep.append(owner)
        self.steps[name], self.lead[name] = step, lead


def write_artifact(graph: Graph, engine: str, folder: Path) -> Path:
    """Export ``graph`` for ``engine``. Raises EdgeRNNError, or ImportError for the exporter."""
    module, function, suffix = WRITERS[engine]
    path = folder / f"{graph.name}{suffix}"
    write = getattr(importlib.import_module(module), function, None)
    if write is None:
        raise ImportError(f"{module} has no {function}")
    write(graph, path)
    return path


def open_engine(graph: Graph, engine: str, folder: Path) -> Engine:
    """Export ``graph`` and open it with ``engine``. Raises as ``write_artifact``, or MissingExtraError."""
    module = importlib.import_module(ENGINES[engine])
    missing = module.missing()
    if missing is not None:
        raise missing
    opened: Engine = module.open(write_artifact(graph, engine, folder))
    return opened


def lineup(model: Model, engines: tuple[str, ...], folder: Path) -> Lineup:
    """The unit, each engine through ``session.step``, and the peers that are installed."""
    candidates = Lineup()
    candidates.add(UNIT, lambda: operator_step(model), lead=2)
    graph = step_program(model)

    def through_session(graph: Graph, engine: str) -> tuple[Any, Callable[[Any], Any]]:
        session = Session(open_engine(graph, engine, folder))
        return session, session.step

    for engine in engines:
        candidates.add(engine, lambda engine=engine: through_session(graph, engine))  # type: ignore[misc]
    integer_engines = [engine for engine in engines if engine in INTEGER_ENGINES]
    for scheme in SCHEMES if integer_engines else ():
        integers = integer_program(model, scheme)
        for engine in integer_engines:
            candidates.add(integer_row(engine, scheme), partial(through_session, integers, engine))
    if "tflite" in candidates.steps:
        candidates.add(LITERT, lambda: litert_step(folder / f"{graph.name}.tflite"))
    return candidates


def integer_row(engine: str, scheme: str) -> str:
    """Name of the candidate that runs the model in integers."""
    return f"{engine} {scheme}"


def integer_program(model: Model, scheme: str) -> Graph:
    """The step program in integers, calibrated on standard normal frames."""
    block = np.stack(frames(model, CALIBRATION_FRAMES, seed=2))
    graph = quantize(step_program(model), [{"x": block}], scheme).graph
    graph.name = f"{model.name}_{scheme}"
    return graph


def operator_step(model: Model) -> tuple[Any, Callable[[Any], Any]]:
    """ONNX Runtime's operator, one thread, states carried through NumPy arrays."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(operator_model(model), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()][1:]
    wanted = [value.name for value in session.get_outputs()]
    feed = {name: np.zeros((1, 1, model.hidden), np.float32) for name in names}

    def step(frame: Any) -> Any:
        feed["x"] = frame
        y, *states = session.run(wanted, feed)
        feed.update(zip(names, states, strict=True))
        return y

    return session, step


def litert_step(path: Path) -> tuple[Any, Callable[[Any], Any]]:
    """The same .tflite file in a bare interpreter, one thread, states carried through NumPy arrays."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    frame_index, result_index = inputs[0]["index"], outputs[0]["index"]
    shape = tuple(inputs[0]["shape"])
    pairs = [(i["index"], o["index"]) for i, o in zip(inputs[1:], outputs[1:], strict=True)]
    states = [np.zeros(i["shape"], np.float32) for i in inputs[1:]]

    def step(frame: Any) -> Any:
        nonlocal states
        interpreter.set_tensor(frame_index, frame.reshape(shape))
        for (before, _), state in zip(pairs, states, strict=True):
            interpreter.set_tensor(before, state)
        interpreter.invoke()
        states = [interpreter.get_tensor(after) for _, after in pairs]
        return interpreter.get_tensor(result_index)

    return interpreter, step
