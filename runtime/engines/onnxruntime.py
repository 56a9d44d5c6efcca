"""Runs .onnx files with ONNX Runtime, in one thread, without copying the states.

Two bindings take turns: what one writes as next states the other reads as states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgernn.errors import ArtifactError, EngineError, MissingExtraError
from edgernn.ir.ernfile import read_bytes
from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import LEAD, parse_onnx
from edgernn.ir.op import Array
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.frames import check_values, quick_check

LOG_FATAL = 4
"""Errors reach the caller as exceptions, and not on standard error as well."""

TYPE_NAMES = {
    "float32": "tensor(float)", "int32": "tensor(int32)", "int16": "tensor(int16)", "int8": "tensor(int8)",
    "bool": "tensor(bool)",
}  # fmt: skip
"""ONNX Runtime's names of the dtypes."""


class OnnxRuntimeEngine(Engine):
    """One inference session with buffers of its own for frames, outputs and two sets of states."""

    name: ClassVar[str] = "onnxruntime"
    checks_finite: ClassVar[bool] = True

    def __init__(self, interface: Interface, session: Any, where: str) -> None:
        super().__init__(interface)
        self._where = where
        self._frames = [np.zeros(p.shape, p.dtype) for p in interface.inputs]
        self._are_valid = [quick_check(*pair) for pair in zip(self._frames, interface.inputs, strict=True)]
        self._results = [np.zeros(p.shape, p.dtype) for p in interface.outputs]
        here, there = ([np.array(s.initial) for s in interface.states] for _ in range(2))
        bindings = [
            _bind(session, [*self._frames, *before], [*self._results, *after])
            for before, after in ((here, there), (there, here))
        ]
        self._call, self._options, bindings = _direct_call(session, bindings)
        self._turns = list(zip(bindings, (here, there), strict=True))
        """The binding that runs next and the states it reads, then the other."""

    def run(self, *frames: Array) -> tuple[Array, ...]:
        for buffer, frame, is_valid, port in zip(
            self._frames, frames, self._are_valid, self.interface.inputs, strict=True
        ):
            buffer[...] = frame
            if not is_valid():
                check_values(buffer, port)
        try:
            self._call(self._turns[0][0], self._options)
        except Exception as error:
            raise self._failure(error) from None
        self._turns.reverse()
        return tuple(result.copy() for result in self._results)

    def single(self) -> Callable[[Array], Array]:
        buffer, is_valid, port = self._frames[0], self._are_valid[0], self.interface.inputs[0]
        copy_result = self._results[0].copy
        turns, call, options, failure = self._turns, self._call, self._options, self._failure

        def run(frame: Array) -> Array:
            buffer[...] = frame
            if not is_valid():
                check_values(buffer, port)
            try:
                call(turns[0][0], options)
            except Exception as error:
                raise failure(error) from None
            turns.reverse()
            return copy_result()

        return run

    def get_states(self) -> list[Array]:
        return copy_states(self._turns[0][1])

    def set_states(self, states: Sequence[Array]) -> None:
        for buffer, state in zip(self._turns[0][1], states, strict=True):
            buffer[...] = state

    def close(self) -> None:
        self._turns.clear()
        self._call = _closed

    def _failure(self, error: Exception) -> EngineError:
        what = f"onnxruntime failed in a step; the state is unchanged: {_brief(error)}"
        return EngineError(f"{self._where}: {what}")


def missing() -> MissingExtraError | None:
    """None where onnxruntime is installed."""
    if find_spec("onnxruntime") is None:
        return MissingExtraError("onnxruntime", "onnxruntime", "running .onnx files")
    return None


def open(path: Path) -> OnnxRuntimeEngine:
    """Load an .onnx file. Raises ArtifactError unless edgernn wrote it and it is whole, EngineError where the
    installed onnxruntime cannot load it."""
    where, data = str(path), read_bytes(path)
    interface = parse_onnx(data, where)
    session = _session(data, where)
    _check_signature("input", session.get_inputs(), [*interface.inputs, *interface.states], where)
    _check_signature("output", session.get_outputs(), [*interface.outputs, *interface.states], where)
    return OnnxRuntimeEngine(interface, session, where)


def _session(data: bytes, where: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"onnxruntime is installed, but cannot be imported: {error}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = LOG_FATAL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        version = onnxruntime.__version__
        raise EngineError(f"{where}: onnxruntime {version} cannot load it: {_brief(error)}") from None


def _check_signature(kind: str, found: Sequence[Any], expected: Sequence[Port | State], where: str) -> None:
    """Refuse a model whose metadata would make the bindings too small."""
    signatures = [(value.type, tuple(value.shape)) for value in found]
    wanted = [(TYPE_NAMES[p.dtype], (1,) * LEAD + p.shape) for p in expected]
    if signatures != wanted:
        raise ArtifactError(f"{where}: the metadata announces {kind}s {wanted}, the model has {signatures}")


def _bind(session: Any, inputs: Sequence[Array], outputs: Sequence[Array]) -> Any:
    """A binding that reads and writes the memory of these arrays, in the order of the model's signature."""
    binding = session.io_binding()
    for bind, values, arrays in (
        (binding.bind_input, session.get_inputs(), inputs),
        (binding.bind_output, session.get_outputs(), outputs),
    ):
        for value, array in zip(values, arrays, strict=True):
            bind(value.name, "cpu", 0, array.dtype.type, (1,) * LEAD + array.shape, array.ctypes.data)
    return binding


def _direct_call(session: Any, bindings: list[Any]) -> tuple[Callable[[Any, Any], None], Any, list[Any]]:
    """What runs a binding, the options to give it, and the bindings it takes.

    The class around ONNX Runtime's extension object makes checks for other devices in each call, which cost
    as much as a small model, and more with options; the extension object is faster with options than without.
    """
    import onnxruntime

    inner = getattr(session, "_sess", None)
    inner_bindings = [getattr(binding, "_iobinding", None) for binding in bindings]
    if inner is None or None in inner_bindings:
        return session.run_with_iobinding, None, bindings
    options = onnxruntime.RunOptions()
    options.log_severity_level = LOG_FATAL
    return inner.run_with_iobinding, options, inner_bindings


def _closed(binding: Any, options: Any) -> None:
    raise EngineError("the engine is closed")


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
