"""A program of kernel calls as a Python callable.

The callable is a built-in function whose code is compiled here: it reads the addresses of the arrays it is
given straight from the array objects, which costs a tenth of what the unpacking of arguments by numba does.

A program is an int64 array: number of arrays, address of None, one word for each array, then records
[address of a kernel, words of this record, operands ...], ended by 0.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from numba.core import types

from edgernn.ir.op import Array
from edgernn.runtime.kernels.build import Kernel
from edgernn.runtime.kernels.memory import RECORD, advance, call, data_of, new_reference, words

HEADER_WORDS = 2
_METH_FASTCALL = 0x80


def _step(program_object: Any, arrays: Any, count: Any) -> Any:
    program = words(data_of(program_object))
    nothing = program[1]
    if count != program[0]:
        return new_reference(nothing)
    for k in range(count):
        program[HEADER_WORDS + k] = data_of(arrays[k])
    record = advance(program, HEADER_WORDS + count)
    while record[0] != 0:
        if call(record[0], advance(record, HEADER_WORDS)) != 0:
            return new_reference(nothing)
        record = advance(record, record[1])
    return new_reference(arrays[count - 1])


_entry = Kernel(_step, types.int64(types.int64, RECORD, types.int64))


class _MethodDefinition(ctypes.Structure):
    """PyMethodDef of https://docs.python.org/3/c-api/structures.html."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@cache
def _method() -> _MethodDefinition:
    return _MethodDefinition(b"step", _entry.address, _METH_FASTCALL, None)


def callable_of(program: Array) -> Callable[..., Array | None]:
    """The function that runs ``program`` on arrays, inputs then outputs, and returns the last of them, or
    None where a kernel refused its operands.

    The arrays must be NumPy arrays, C-contiguous, of the sizes for which the program was made: that is
    not checked. The function keeps ``program``, and the array of which it is a view, alive.
    """
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    function: Callable[..., Array | None] = new(ctypes.addressof(_method()), program, None)
    return function
