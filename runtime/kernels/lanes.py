"""``LANES`` float32 values as one value of compiled code, kept in vector registers.

Arithmetic is written with operators and the functions below; a number beside a vector is repeated in
all lanes. NaN is kept by all of them unless said otherwise.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable


def _lanes_of_host() -> int:
    """Two registers a vector: four gates fill the pipeline and fit in the register file."""
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return 16 if "+avx" in features.split(",") or triple.startswith(("aarch64", "arm64")) else 8


LANES = _lanes_of_host()

_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_FLOATS = ir.VectorType(_FLOAT, LANES)
_INTS = ir.VectorType(_INT, LANES)


class LanesType(types.Type):
    """The type of a vector in compiled code."""

    def __init__(self) -> None:
        super().__init__(name=f"lanes({LANES})")


lanes = LanesType()


class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, _FLOATS)


register_model(LanesType)(_LanesModel)


def _floats(value: float) -> Any:
    return ir.Constant(_FLOATS, [float(value)] * LANES)


def _ints(value: int) -> Any:
    return ir.Constant(_INTS, [value] * LANES)


def _splat(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(first, undefined, _ints(0))


def _widen(context: Any, builder: Any, value: Any, value_type: Any) -> Any:
    if isinstance(value_type, LanesType):
        return value
    return _splat(builder, context.cast(builder, value, value_type, types.float32))


def _emit_widened(emit: Callable[..., Any], context: Any, builder: Any, signature: Any, values: Any) -> Any:
    pairs = zip(values, signature.args, strict=True)
    return emit(builder, *(_widen(context, builder, value, kind) for value, kind in pairs))


def _fits(*operands: Any) -> bool:
    return all(isinstance(o, LanesType | types.Number) for o in operands)


def _operator(function: Any, emit: Callable[..., Any]) -> None:
    """Define a binary operator for two vectors, and for a vector and a number."""

    def typing(context: Any) -> Any:
        def typer(a: Any, b: Any) -> Any:
            return lanes if _fits(a, b) and lanes in (a, b) else None

        return typer

    def lowering(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit_widened(emit, context, builder, signature, values)

    type_callable(function)(typing)
    for a, b in ((LanesType, LanesType), (LanesType, types.Number), (types.Number, LanesType)):
        lower_builtin(function, a, b)(lowering)


_operator(operator.add, lambda builder, a, b: builder.fadd(a, b))
_operator(operator.sub, lambda builder, a, b: builder.fsub(a, b))
_operator(operator.mul, lambda builder, a, b: builder.fmul(a, b))
_operator(operator.truediv, lambda builder, a, b: builder.fdiv(a, b))


def _define(emit: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    if not _fits(*operands):
        return None

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emit_widened(emit, context, builder, signature, values)

    return lanes(*operands), code


def _function1(emit: Callable[..., Any]) -> Any:
    def typing(context: Any, a: Any) -> Any:
        return _define(emit, (a,))

    return intrinsic(typing)


def _function2(emit: Callable[..., Any]) -> Any:
    def typing(context: Any, a: Any, b: Any) -> Any:
        return _define(emit, (a, b))

    return intrinsic(typing)


def _function3(emit: Callable[..., Any]) -> Any:
    def typing(context: Any, a: Any, b: Any, c: Any) -> Any:
        return _define(emit, (a, b, c))

    return intrinsic(typing)


def _function4(emit: Callable[..., Any]) -> Any:
    def typing(context: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return _define(emit, (a, b, c, d))

    return intrinsic(typing)


def _llvm(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic of vectors."""

    def emit(builder: Any, *values: Any) -> Any:
        kind = ir.FunctionType(_FLOATS, [_FLOATS] * len(values))
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return builder.call(function, values)

    return emit


def _choose(builder: Any, comparison: str, a: Any, b: Any, yes: Any, no: Any) -> Any:
    return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    keep = builder.or_(builder.fcmp_ordered(">=", a, b), builder.fcmp_unordered("uno", a, a))
    return builder.select(keep, a, b)


def _minimum(builder: Any, a: Any, b: Any) -> Any:
    keep = builder.or_(builder.fcmp_ordered("<=", a, b), builder.fcmp_unordered("uno", a, a))
    return builder.select(keep, a, b)


splat = _function1(lambda builder, a: a)
"""A number, repeated in all lanes."""

multiply_add = _function3(_llvm("fmuladd"))
"""a * b + c, fused where the processor can."""

absolute = _function1(_llvm("fabs"))
square_root = _function1(_llvm("sqrt"))
maximum = _function2(_maximum)
minimum = _function2(_minimum)

at_least = _function2(lambda builder, x, low: _choose(builder, ">", low, x, low, x))
"""max(x, low) for a ``low`` that is not NaN: one instruction on x86."""

at_most = _function2(lambda builder, x, high: _choose(builder, "<", high, x, high, x))
"""min(x, high) for a ``high`` that is not NaN."""

where_greater = _function4(lambda builder, a, b, yes, no: _choose(builder, ">", a, b, yes, no))
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


scale = _function2(_scale)
"""x * 2**n for a whole number n, -126 <= n <= 127, held as float. NaN in n needs NaN in x."""

scale_far = _function2(_scale_twice)
"""As ``scale``, for -252 <= n <= 254: reaches subnormal numbers and infinity."""

_SQRT_HALF_BITS = 0x3F3504F3


def _exponent_bits(builder: Any, x: Any) -> Any:
    return builder.ashr(builder.sub(builder.bitcast(x, _INTS), _ints(_SQRT_HALF_BITS)), _ints(23))


def _mantissa(builder: Any, x: Any) -> Any:
    shift = builder.shl(_exponent_bits(builder, x), _ints(23))
    return builder.bitcast(builder.sub(builder.bitcast(x, _INTS), shift), _FLOATS)


exponent = _function1(lambda builder, x: builder.sitofp(_exponent_bits(builder, x), _FLOATS))
"""The whole number e such that x = m * 2**e with sqrt(1/2) <= m < sqrt(2), for normal x > 0."""

mantissa = _function1(_mantissa)
"""The m that belongs to ``exponent``."""


def _vector_address(builder: Any, pointer: Any, index: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [index]), _FLOATS.as_pointer())


def _load(context: Any, pointer: Any, index: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value = builder.load(_vector_address(builder, *values))
        value.align = 4
        return value

    return lanes(pointer, types.intp), code


def _store(context: Any, pointer: Any, index: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _vector_address(builder, *values[:2])).align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.intp, lanes), code


load = intrinsic(_load)
"""load(floats, index): the ``LANES`` values from ``index`` on."""

store = intrinsic(_store)
"""store(floats, index, vector): writes all lanes."""
