"""Runs .onnx files with ONNX Runtime, in one thread, without copying the states.

Two bindings take turns: what one writes as next states the other reads as states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgernn.errors import EngineError, MissingExtraError
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Array
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.engines.onnxruntime_call import LOG_FATAL, brief, read_onnx
from edgernn.runtime.frames import check_values, quick_check


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
        what = f"onnxruntime failed in a step; the state is unchanged: {brief(error)}"
        return EngineError(f"{self._where}: {what}")


def missing() -> MissingExtraError | None:
    """None where onnxruntime is installed."""
    if find_spec("onnxruntime") is None:
        return MissingExtraError("onnxruntime", "onnxruntime", "running .onnx files")
    return None


def open(path: Path) -> OnnxRuntimeEngine:
    """Load an .onnx file of a step program. Raises as ``read_onnx``."""
    interface, session = read_onnx(path)
    if interface.max_frames is not None:
        raise EngineError(f"{path}: the model takes whole segments: it has no step")
    return OnnxRuntimeEngine(interface, session, str(path))


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
