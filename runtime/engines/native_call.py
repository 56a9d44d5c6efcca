"""Two ways to call a model's step: straight from CPython, and through ctypes."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np

from edgernn.errors import EngineError, FrameError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines.native_library import Table
from edgernn.runtime.frames import check_values
from edgernn.runtime.quantized import real_port

ALIGN_BYTES = 64
VECTOR = 4
"""Values that are converted together; places for frames have room for that many more."""

MAX_INPUTS = 64
"""Of ``ern_python.c``; models with more are called through ctypes."""

STATUS_TEXT = {
    0: "a frame does not have the size of its input",
    1: "an input holds NaN or infinity",
    2: "an index is out of range",
}
"""``ern_status`` of a step -> what it means. Zero (success) marks a frame that C refused to look at."""

STATUS_CODES = range(5)
"""All values of ``ern_status``."""


class Memory(bytearray):
    """Session structure and model structure; also what a Python function in the library has as ``self``.

    keep  the objects to which the structures point
    """

    __slots__ = ("keep",)
    keep: tuple[Any, ...]


class SessionStructure(ctypes.Structure):
    """``ern_session`` of ``csrc/ern_python.c``."""

    _fields_: ClassVar = [
        ("model", ctypes.c_void_p), ("inputs", ctypes.c_void_p), ("outputs", ctypes.c_void_p),
        ("copy", ctypes.c_void_p), ("refuse", ctypes.py_object), ("status", ctypes.c_void_p),
        ("real_input", ctypes.c_void_p), ("real_output", ctypes.c_void_p),
        ("copy_real", ctypes.py_object), ("refuse_real", ctypes.py_object),
        ("per_unit", ctypes.c_float), ("unit", ctypes.c_float),
        ("input_count", ctypes.c_size_t), ("output_count", ctypes.c_size_t),
    ]  # fmt: skip


class Caller:
    """One model's memory and the functions that step it.

    run         (*frames) -> tuple of new arrays
    run_single  (frame) -> new array, for a model with one input and one output

    run_real    as run_single, of real values (see ``Engine.single_real``); None where the library does not do that

    All raise FrameError, before anything changes, for values that are not finite or out of range.
    """

    run: Callable[..., tuple[Array, ...]]
    run_single: Callable[[Array], Array]
    run_real: Callable[[Array], Array] | None = None

    def __init__(self, interface: Interface, handle: ctypes.CDLL, table: Table) -> None:
        self.interface, self.table = interface, table
        self.inputs = [np.zeros(p.size + VECTOR, p.dtype)[: p.size].reshape(p.shape) for p in interface.inputs]
        self.outputs = [np.zeros(p.shape, p.dtype) for p in interface.outputs]
        self.refuse = refusal(interface.inputs)
        self._input_pointers = _pointers(self.inputs)
        self._output_pointers = _pointers(self.outputs)
        self.memory, self.model_address, self.views = self._allocate()
        if not self._bind_python(handle):
            self.run, self.run_single = self._run_ctypes, self._run_single_ctypes

    def _allocate(self) -> tuple[Memory, int, list[Array]]:
        head = -(-ctypes.sizeof(SessionStructure) // ALIGN_BYTES) * ALIGN_BYTES
        memory = Memory(ALIGN_BYTES + head + self.table.model_bytes)
        whole = np.frombuffer(memory, np.uint8)
        start = self._start = -whole.ctypes.data % ALIGN_BYTES
        model = whole[start + head :]
        copies = _objects([array.copy for array in self.outputs])
        statuses = _objects(STATUS_CODES)
        structure = SessionStructure.from_buffer(memory, start)
        structure.model = model.ctypes.data
        structure.inputs, structure.outputs = _address(self._input_pointers), _address(self._output_pointers)
        structure.copy, structure.status = _address(copies), _address(statuses)
        structure.refuse = self.refuse
        memory.keep = (
            self.inputs,
            self.outputs,
            self._input_pointers,
            self._output_pointers,
            copies,
            statuses,
            self.refuse,
        )
        return memory, model.ctypes.data, [self._view(model, k) for k in range(self.table.states)]

    def _view(self, model: Array, k: int) -> Array:
        state, info = self.interface.states[k], self.table.state_info[k]
        data = model[info.offset_bytes : info.offset_bytes + state.nbytes]
        return data.view(state.dtype).reshape(state.shape)

    def _bind_python(self, handle: ctypes.CDLL) -> bool:
        """Make Python functions of the library's; False where this Python has no stable buffer interface."""
        if sys.implementation.name != "cpython" or sys.version_info < (3, 11) or len(self.inputs) > MAX_INPUTS:
            return False
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.argtypes, make.restype = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p], ctypes.py_object
        try:
            first = ctypes.addressof(ctypes.c_char.in_dll(handle, "ern_python_methods"))
        except ValueError:
            return False
        self.run = make(first, self.memory, None)
        self.run_single = make(first + METHOD_BYTES, self.memory, None)
        self._bind_real(handle, make)
        return True

    def _bind_real(self, handle: ctypes.CDLL, make: Any) -> None:
        """``run_real``, for one input and one output, at least one of them with a scale."""
        ports = (*self.interface.inputs, *self.interface.outputs)
        if len(self.inputs) != 1 or len(self.outputs) != 1 or not any(port.scale for port in ports):
            return
        try:
            method = ctypes.addressof(ctypes.c_char.in_dll(handle, "ern_python_real_ports"))
        except ValueError:
            return
        source, target = ports
        structure = SessionStructure.from_buffer(self.memory, self._start)
        structure.input_count, structure.output_count = source.size, target.size
        result = self.outputs[0]
        if source.scale is not None:
            structure.real_input = self._keep(np.zeros(source.size + VECTOR, np.float32)).ctypes.data
            structure.per_unit = np.float32(1.0 / source.scale)
        if target.scale is not None:
            result = self._keep(np.zeros(target.shape, np.float32))
            structure.real_output, structure.unit = result.ctypes.data, np.float32(target.scale)
        structure.copy_real = self._keep(result.copy)
        structure.refuse_real = self._keep(refusal([real_port(source)]))
        self.run_real = make(method, self.memory, None)

    def _keep(self, value: Any) -> Any:
        """``value``, which lives as long as the memory of the model."""
        self.memory.keep += (value,)
        return value

    def _run_ctypes(self, *frames: Array) -> tuple[Array, ...]:
        for own, frame in zip(self.inputs, frames, strict=True):
            own[...] = frame
        status = self.table.step(self.model_address, self._input_pointers, self._output_pointers)
        if status:
            self.refuse(status, frames)
        return tuple(output.copy() for output in self.outputs)

    def _run_single_ctypes(self, frame: Array) -> Array:
        return self._run_ctypes(frame)[0]


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_: ClassVar = [
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    ]  # fmt: skip


METHOD_BYTES = ctypes.sizeof(_Method)


def _pointers(arrays: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def _objects(items: Sequence[Any]) -> Any:
    """A C array of references, which it owns."""
    kind: Any = ctypes.py_object
    return (kind * len(items))(*items)


def _address(array: Any) -> int:
    return ctypes.addressof(array)


def refusal(ports: Sequence[Port]) -> Callable[[int, tuple[Any, ...]], NoReturn]:
    """What raises FrameError for frames that C refused with a status, and says which input it is where it can."""

    def refuse(status: int, frames: tuple[Any, ...]) -> NoReturn:
        if len(frames) == len(ports):
            for frame, port in zip(frames, ports, strict=True):
                array = np.asarray(frame)
                if array.shape != port.shape:
                    raise FrameError(f"input {port.name!r}: a frame has shape {port.shape}, found {array.shape}")
                check_values(array, port)
        if status in STATUS_TEXT:
            raise FrameError(f"{STATUS_TEXT[status]}; the state is unchanged")
        raise EngineError(f"the native step failed with status {status}")

    return refuse
