"""Unary and binary functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from edgernn.export.tflite.lower import RELU6, Lowering, lower
from edgernn.export.tflite.schema import schema
from edgernn.ops import Binary, Unary

ONE_OPERATOR = {
    "relu": "RELU", "sigmoid": "LOGISTIC", "tanh": "TANH", "exp": "EXP", "log": "LOG", "sqrt": "SQRT",
    "rsqrt": "RSQRT", "abs": "ABS", "neg": "NEG", "sin": "SIN", "cos": "COS", "square": "SQUARE",
    "hard_swish": "HARD_SWISH",
}  # fmt: skip
BINARY_OPERATORS = {
    "add": "ADD", "sub": "SUB", "mul": "MUL", "div": "DIV", "pow": "POW",
    "maximum": "MAXIMUM", "minimum": "MINIMUM",
}  # fmt: skip
ERF_POLYNOMIAL = (
    1.12837927, 0.102769055, -1.91830097e-4, -6.19785218e-4, 8.76375215e-5, -5.66850502e-6, 1.41853793e-7,
)  # fmt: skip
"""Coefficients, lowest first, of P in erf(x) = tanh(x * P(x^2)): a minimax fit of atanh(erf(x)) / x on
[0, 3.6], relative error of erf below 1e-7 in exact arithmetic. TensorFlow Lite has no ERF."""


def can_lower_unary(op: Unary) -> bool:
    """Whether the function is expressed here; if not, it has a decomposition."""
    if op.function == "elu":
        return op.parameters == (1.0,)
    return op.function in ONE_OPERATOR or op.function in _EXPRESSIONS


@lower.register
def _unary(op: Unary, to: Lowering) -> Sequence[int]:
    x = to.operand(0)
    if op.function in ONE_OPERATOR:
        return [to.unary(ONE_OPERATOR[op.function], x)]
    return [_EXPRESSIONS[op.function](to, x, *op.parameters)]


@lower.register
def _binary(op: Binary, to: Lowering) -> Sequence[int]:
    rank = len(to.result_shape())
    if op.function == "pow" and _exponent(to) in _POWERS:
        return [_POWERS[_exponent(to)](to, to.operand(0))]
    a, b = (_operand(to, name, rank) for name in to.node.inputs)
    return [to.binary(BINARY_OPERATORS[op.function], a, b)]


def _operand(to: Lowering, name: str, rank: int) -> int:
    """The tensor of an operand; a constant gets leading axes of 1 up to ``rank``."""
    if name not in to.graph.constants:
        return to.value(name)
    array = to.graph.constants[name]
    return to.constant(array.reshape((1,) * (rank - array.ndim) + array.shape), str(array.dtype))


def _exponent(to: Lowering) -> float:
    """The exponent of a power, where it is one constant number; otherwise NaN."""
    exponent = to.graph.constants.get(to.node.inputs[1])
    if exponent is None or exponent.size != 1 or to.writer.shape(to.operand(0)) != to.result_shape():
        return np.nan
    return float(exponent.item())


def _clip(to: Lowering, x: int, low: float, high: float) -> int:
    if (low, high) == (0.0, 6.0):
        return to.unary("RELU6", x)
    return to.binary("MINIMUM", to.binary("MAXIMUM", x, low), high)


def _polynomial(to: Lowering, x: int, coefficients: Sequence[float]) -> int:
    """Coefficients lowest first; Horner's scheme."""
    *rest, second, first = coefficients
    y = to.binary("ADD", to.binary("MUL", x, float(first)), float(second))
    return reduce(lambda y, c: to.binary("ADD", to.binary("MUL", y, x), float(c)), reversed(rest), y)


def _erf(to: Lowering, x: int) -> int:
    inner = to.binary("MUL", _polynomial(to, to.binary("MUL", x, x), ERF_POLYNOMIAL), x)
    return to.unary("TANH", inner)


def _gelu(to: Lowering, x: int) -> int:
    """x * (1 + erf(x / sqrt(2))) / 2 = x * sigmoid(sqrt(2) * x * P(x^2 / 2))."""
    scaled = [np.sqrt(2) * c / 2**k for k, c in enumerate(ERF_POLYNOMIAL)]
    inner = to.binary("MUL", _polynomial(to, to.binary("MUL", x, x), scaled), x)
    return to.binary("MUL", x, to.unary("LOGISTIC", inner))


def _gelu_tanh(to: Lowering, x: int) -> int:
    """x * (1 + tanh(a)) / 2 = x * sigmoid(2 a)."""
    factor = 2 * np.sqrt(2 / np.pi)
    inner = to.binary("MUL", _polynomial(to, to.binary("MUL", x, x), (factor, factor * 0.044715)), x)
    return to.binary("MUL", x, to.unary("LOGISTIC", inner))


def _hard_shrink(to: Lowering, x: int, limit: float) -> int:
    outside = to.binary("GREATER", to.unary("ABS", x), limit)
    shape = to.writer.shape(x)
    operands = [outside, x, to.constant(np.zeros(shape))]
    return to.emit("SELECT_V2", operands, shape, schema.SelectV2OptionsT(), dtype="float32")


_EXPRESSIONS: dict[str, Callable[..., int]] = {
    "reciprocal": lambda to, x: to.binary("DIV", to.scalar_like(x, 1.0), x),
    "clip": _clip,
    "leaky_relu": lambda to, x, slope: to.unary("LEAKY_RELU", x, schema.LeakyReluOptionsT(alpha=slope)),
    "elu": lambda to, x, alpha: to.unary("ELU", x),
    "silu": lambda to, x: to.binary("MUL", x, to.unary("LOGISTIC", x)),
    "hard_sigmoid": lambda to, x: to.binary("MUL", to.binary("ADD", x, 3.0, RELU6), 1 / 6),
    "erf": _erf,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_shrink": _hard_shrink,
}

_POWERS: dict[float, Callable[[Lowering, int], int]] = {
    2.0: lambda to, x: to.binary("MUL", x, x),
    3.0: lambda to, x: to.binary("MUL", x, to.binary("MUL", x, x)),
    0.5: lambda to, x: to.unary("SQRT", x),
    -0.5: lambda to, x: to.unary("RSQRT", x),
    -1.0: lambda to, x: to.binary("DIV", to.scalar_like(x, 1.0), x),
}
"""Powers with a form of their own, which TensorFlow Lite Micro has too; it lacks POW."""
