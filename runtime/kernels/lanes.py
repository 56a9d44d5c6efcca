"""``LANES`` float32 values as one value of compiled code, kept in vector registers.

Arithmetic is written with operators and the functions below; a number beside a vector is repeated in
all lanes. NaN is kept by all of them unless said otherwise.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from edgernn.runtime.kernels.vectors import LANES, Vectors, read, write

_vectors = Vectors("lanes", types.float32, ir.FloatType())
lanes = _vectors.type
"""The type of a vector in compiled code."""

_FLOATS = _vectors.llvm
_INTS = ir.VectorType(ir.IntType(32), LANES)

_function = _vectors.function


def _ints(value: int) -> Any:
    return ir.Constant(_INTS, [value] * LANES)


_vectors.operator(operator.add, lambda builder, a, b: builder.fadd(a, b))
_vectors.operator(operator.sub, lambda builder, a, b: builder.fsub(a, b))
_vectors.operator(operator.mul, lambda builder, a, b: builder.fmul(a, b))
_vectors.operator(operator.truediv, lambda builder, a, b: builder.fdiv(a, b))


def _llvm(name: str, count: int) -> Any:
    """An LLVM intrinsic of ``count`` vectors."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * count)

    def emit(builder: Any, *values: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return builder.call(function, values)

    return _function(emit, count)


def _choose(builder: Any, comparison: str, a: Any, b: Any, yes: Any, no: Any) -> Any:
    return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    keep = builder.or_(builder.fcmp_ordered(">=", a, b), builder.fcmp_unordered("uno", a, a))
    return builder.select(keep, a, b)


def _minimum(builder: Any, a: Any, b: Any) -> Any:
    keep = builder.or_(builder.fcmp_ordered("<=", a, b), builder.fcmp_unordered("uno", a, a))
    return builder.select(keep, a, b)


splat = _function(lambda builder, a: a)
"""A number, repeated in all lanes."""

multiply_add = _llvm("fmuladd", 3)
"""a * b + c, fused where the processor can."""

absolute = _llvm("fabs", 1)
square_root = _llvm("sqrt", 1)
floor = _llvm("floor", 1)
maximum = _function(_maximum)
minimum = _function(_minimum)

at_least = _function(lambda builder, x, low: _choose(builder, ">", low, x, low, x))
"""max(x, low) for a ``low`` that is not NaN: one instruction on x86."""

at_most = _function(lambda builder, x, high: _choose(builder, "<", high, x, high, x))
"""min(x, high) for a ``high`` that is not NaN."""

where_greater = _function(lambda builder, a, b, yes, no: _choose(builder, ">", a, b, yes, no))
"""``yes`` in lanes where a > b, otherwise (also for NaN) ``no``."""


def _power_of_two(builder: Any, exponent: Any) -> Any:
    biased = builder.add(exponent, _ints(127))
    return builder.bitcast(builder.shl(biased, _ints(23)), _FLOATS)


def _scale(builder: Any, x: Any, exponent: Any) -> Any:
    return builder.fmul(x, _power_of_two(builder, builder.fptosi(exponent, _INTS)))


def _scale_twice(builder: Any, x: Any, exponent: Any) -> Any:
    whole = builder.fptosi(exponent, _INTS)
    half = builder.ashr(whole, _ints(1))
    return builder.fmul(builder.fmul(x, _power_of_two(builder, half)), _power_of_two(builder, builder.sub(whole, half)))


scale = _function(_scale)
"""x * 2**n for a whole number n, -126 <= n <= 127, held as float. NaN in n needs NaN in x."""

scale_far = _function(_scale_twice)
"""As ``scale``, for -252 <= n <= 254: reaches subnormal numbers and infinity."""

_SQRT_HALF_BITS = 0x3F3504F3


def _exponent_bits(builder: Any, x: Any) -> Any:
    return builder.ashr(builder.sub(builder.bitcast(x, _INTS), _ints(_SQRT_HALF_BITS)), _ints(23))


def _mantissa(builder: Any, x: Any) -> Any:
    shift = builder.shl(_exponent_bits(builder, x), _ints(23))
    return builder.bitcast(builder.sub(builder.bitcast(x, _INTS), shift), _FLOATS)


exponent = _function(lambda builder, x: builder.sitofp(_exponent_bits(builder, x), _FLOATS))
"""The whole number e such that x = m * 2**e with sqrt(1/2) <= m < sqrt(2), for normal x > 0."""

mantissa = _function(_mantissa)
"""The m that belongs to ``exponent``."""


def _load(context: Any, pointer: Any, index: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return read(builder, values[0], values[1], _FLOATS, align=4)

    return lanes(pointer, types.intp), code


def _store(context: Any, pointer: Any, index: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write(builder, values[0], values[1], values[2], align=4)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, lanes), code


load = intrinsic(_load)
"""load(floats, index): the ``LANES`` values from ``index`` on."""

store = intrinsic(_store)
"""store(floats, index, vector): writes all lanes."""
