"""Addresses, pointers and calls for compiled kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core import types as _types
from numba.extending import intrinsic

types: Any = _types

RECORD = types.CPointer(types.int64)
"""What a kernel is given: its operands, 64 bits each."""

PYTHON_OBJECT_HEADER_BYTES = object.__basicsize__
"""A NumPy array begins with Python's object header, followed by the pointer to its data.
Source: https://numpy.org/doc/stable/reference/c-api/types-and-structures.html (PyArrayObject)."""


def _pointer_to(element: Any) -> Any:
    def typing(context: Any, address: Any) -> Any:
        result = types.CPointer(element)

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(result))

        return result(types.int64), code

    return intrinsic(typing)


floats = _pointer_to(types.float32)
"""An address as a pointer to float32."""

words = _pointer_to(types.int64)
ints = _pointer_to(types.int32)
shorts = _pointer_to(types.int16)
octets = _pointer_to(types.int8)


def _real(context: Any, bits: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fptrunc(builder.bitcast(values[0], ir.DoubleType()), ir.FloatType())

    return types.float32(types.int64), code


def _call(context: Any, address: Any, operands: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(64).as_pointer()])
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), [values[1]])

    return types.int32(types.int64, RECORD), code


def _advance(context: Any, pointer: Any, count: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.gep(values[0], [values[1]])

    return pointer(pointer, types.intp), code


def _copy(context: Any, source: Any, target: Any, nbytes: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        octet = ir.IntType(8).as_pointer()
        source, target = (builder.inttoptr(v, octet) for v in values[:2])
        cgutils.raw_memcpy(builder, target, source, values[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


def _data(context: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        field = builder.add(values[0], ir.Constant(values[0].type, PYTHON_OBJECT_HEADER_BYTES))
        return builder.load(builder.inttoptr(field, ir.IntType(64).as_pointer()))

    return types.int64(types.int64), code


def _reference(context: Any, thing: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        context.get_python_api(builder).incref(builder.inttoptr(values[0], ir.IntType(8).as_pointer()))
        return values[0]

    return types.int64(types.int64), code


real = intrinsic(_real)
"""The float32 nearest to the float64 whose bits are an operand."""

call = intrinsic(_call)
"""call(address, record): run a kernel; its status."""

advance = intrinsic(_advance)
"""advance(pointer, count): the pointer ``count`` elements further."""

copy_bytes = intrinsic(_copy)
"""copy_bytes(source address, target address, nbytes), of regions that do not overlap."""

data_of = intrinsic(_data)
"""The address of the data of the NumPy array whose address is given."""

new_reference = intrinsic(_reference)
"""The address of a Python object, with one reference more."""
