"""Runs .tflite artifacts with ai-edge-litert, or with tflite-runtime where that is what is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgernn.errors import ArtifactError, EngineError, MissingExtraError, UsageError
from edgernn.ir.ernfile import read_bytes
from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.engines.tflite_file import read_interface
from edgernn.runtime.frames import check_values, quick_check

PACKAGES = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}
"""Module -> name of its distribution, in order of preference."""


class TfliteEngine(Engine):
    """One interpreter, its input tensors holding the state from step to step.

    A step writes and reads the interpreter's own memory through NumPy views, which costs a fraction of
    ``set_tensor`` and ``get_tensor``. The memory stays where it is because all shapes are fixed and
    tensors are allocated once. The interpreter reads weights from ``data``, which must live as long as it.
    """

    name: ClassVar[str] = "tflite"
    checks_finite: ClassVar[bool] = True

    def __init__(self, interface: Interface, interpreter: Any, data: bytes, where: str) -> None:
        super().__init__(interface)
        self._data = data
        self._invoke: Callable[[], Any] = interpreter.Invoke
        inputs, outputs = _settled_views(interpreter, where)
        inputs = _frames(inputs, [*interface.inputs, *interface.states], where)
        outputs = _frames(outputs, [*interface.outputs, *interface.states], where)
        frames, results = len(interface.inputs), len(interface.outputs)
        self._inputs, self._states = inputs[:frames], inputs[frames:]
        self._outputs = outputs[:results]
        self._are_valid = [quick_check(view, port) for view, port in zip(self._inputs, interface.inputs, strict=True)]
        self._carry = [
            (_raw(before), _raw(after)) for before, after in zip(self._states, outputs[results:], strict=True)
        ]
        self.reset()

    def run(self, *frames: Array) -> tuple[Array, ...]:
        for view, frame, is_valid, port in zip(
            self._inputs, frames, self._are_valid, self.interface.inputs, strict=True
        ):
            view[...] = frame
            if not is_valid():
                check_values(view, port)
        self._step()
        return tuple(view.copy() for view in self._outputs)

    def single(self) -> Callable[[Array], Array]:
        (x,), (y,) = self._inputs, self._outputs
        invoke, carry, copy, failed = self._invoke, self._carry, y.copy, self._failed
        whole, every, is_valid, port = ..., slice(None), self._are_valid[0], self.interface.inputs[0]

        def step(frame: Array) -> Array:
            x[whole] = frame
            if not is_valid():
                check_values(x, port)
            try:
                invoke()
            except RuntimeError as error:
                raise failed(error) from None
            for before, after in carry:
                before[every] = after
            return copy()

        return step

    def get_states(self) -> list[Array]:
        return copy_states(self._states)

    def set_states(self, states: Sequence[Array]) -> None:
        for view, state in zip(self._states, states, strict=True):
            view[...] = state

    def close(self) -> None:
        self._invoke = _closed
        self._inputs, self._outputs, self._states, self._carry = [], [], [], []

    def _step(self) -> None:
        try:
            self._invoke()
        except RuntimeError as error:
            raise self._failed(error) from None
        for before, after in self._carry:
            before[:] = after

    def _failed(self, error: RuntimeError) -> EngineError:
        return EngineError(f"TensorFlow Lite failed during a step; the state is unchanged: {error}")


def missing() -> MissingExtraError | None:
    """None where a package that interprets .tflite files is installed."""
    if any(importlib.util.find_spec(module) for module in PACKAGES):
        return None
    return MissingExtraError("ai-edge-litert", "tflite", "running .tflite files")


def open(path: Path) -> TfliteEngine:
    """Load a .tflite file of a step program. Raises as ``read_tflite``."""
    interface, interpreter, package, data = read_tflite(path)
    if interface.max_frames is not None:
        raise EngineError(f"{path}: the model takes whole segments: it has no step")
    return engine_of(interface, interpreter, package, data, str(path))


def engine_of(interface: Interface, interpreter: Any, package: str, data: bytes, where: str) -> TfliteEngine:
    """The engine of what ``read_tflite`` gave, which is of a step program."""
    return TfliteEngine(interface, _inner(interpreter, package), data, where)


def read_tflite(path: Path) -> tuple[Interface, Any, str, bytes]:
    """The interface of a .tflite file, an interpreter with its tensors, the distribution that it is of, and the file,
    which must live as long as the interpreter.

    Raises ArtifactError for a file that is damaged or that edgernn did not write, EngineError where the
    interpreter refuses it.
    """
    where = str(path)
    data = read_bytes(path)
    interface = read_interface(data, where)
    package, module = _import_interpreter()
    try:
        interpreter = module.Interpreter(model_content=data, num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"{where}: {package} refuses the file: {error}") from None
    return interface, interpreter, package, data


def _import_interpreter() -> tuple[str, Any]:
    """Name of the distribution and its module with the class Interpreter."""
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            continue
        if module == "tflite_runtime" and not np.__version__.startswith("1."):
            raise EngineError(
                f"{package} needs numpy<2, this is NumPy {np.__version__}: "
                "pip install 'numpy<2', or pip install 'edgernn[tflite]' for ai-edge-litert"
            )
        try:
            return package, importlib.import_module(f"{module}.interpreter")
        except Exception as error:
            raise EngineError(f"{package} is installed but cannot be imported: {error}") from error
    raise MissingExtraError("ai-edge-litert", "tflite", "running .tflite files")


def _inner(interpreter: Any, package: str) -> Any:
    """The interpreter below the Python wrapper.

    The wrapper refuses to run while views of its memory exist. What it guards against is memory that
    moves when shapes change or tensors are allocated anew, and neither happens here.
    """
    inner = getattr(interpreter, "_interpreter", None)
    needed = ("Invoke", "tensor", "InputIndices", "OutputIndices")
    if not all(hasattr(inner, name) for name in needed):
        raise EngineError(f"this version of {package} is unknown to edgernn: it lacks one of {needed}")
    return inner


def _settled_views(interpreter: Any, where: str) -> tuple[list[Array], list[Array]]:
    """Views of the inputs and outputs.

    Raises EngineError if a step moves their memory, or if inputs and outputs share some: then frames
    and states could not be exchanged through it.
    """
    inputs = _views(interpreter, interpreter.InputIndices())
    outputs = _views(interpreter, interpreter.OutputIndices())
    for view in inputs:
        view[...] = 0
    try:
        interpreter.Invoke()
    except RuntimeError as error:
        raise EngineError(f"{where}: TensorFlow Lite cannot run the file: {error}") from None
    again = _views(interpreter, [*interpreter.InputIndices(), *interpreter.OutputIndices()])
    moved = any(a.ctypes.data != b.ctypes.data for a, b in zip([*inputs, *outputs], again, strict=True))
    if moved or any(np.may_share_memory(a, b) for a in inputs for b in outputs):
        raise EngineError(f"{where}: this interpreter moves its tensors in memory, or shares it")
    return inputs, outputs


def _views(interpreter: Any, indices: Sequence[int]) -> list[Array]:
    return [interpreter.tensor(interpreter, int(k)) for k in indices]


def _frames(views: Sequence[Array], ends: Sequence[Port | State], where: str) -> list[Array]:
    """The views without their batch axis. Raises ArtifactError where they do not fit the interface."""
    if len(views) != len(ends):
        raise ArtifactError(f"{where}: {len(views)} tensors for {len(ends)} ports and states")
    for view, end in zip(views, ends, strict=True):
        if view.shape != (1, *end.shape) or view.dtype != end.dtype:
            raise ArtifactError(
                f"{where}: {end.name!r} is {end.dtype} {(1, *end.shape)} in the interface, "
                f"{view.dtype} {view.shape} in the program"
            )
    return [view.reshape(end.shape) for view, end in zip(views, ends, strict=True)]


def _raw(view: Array) -> memoryview:
    """The bytes of ``view``: copying between such is twice as fast as between arrays."""
    return view.reshape(-1).data.cast("B")


def _closed() -> None:
    raise UsageError("the engine is closed; load the artifact again")
