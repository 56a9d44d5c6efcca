"""Elementwise functions in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgernn.export.onnx.model import ModelBuilder

SMOOTH_THRESHOLD = 16.0
"""From here on, softplus and its argument differ by less than half a unit in the last place of float32."""

_Rule = Callable[..., str]


def _operator(kind: str, **attributes: Any) -> _Rule:
    return lambda b, x: b.op1(kind, [x], **attributes)


def _softplus(b: ModelBuilder, x: str, beta: float, threshold: float) -> str:
    scaled = x if beta == 1.0 else b.op1("Mul", [x, b.scalar(beta)])
    y = b.op1("Softplus", [scaled])
    if beta != 1.0:
        y = b.op1("Mul", [y, b.scalar(1.0 / beta)])
    if threshold >= SMOOTH_THRESHOLD:
        return y
    return b.op1("Where", [b.op1("Greater", [scaled, b.scalar(threshold)]), x, y])


def _log_sigmoid(b: ModelBuilder, x: str) -> str:
    return b.op1("Neg", [b.op1("Softplus", [b.op1("Neg", [x])])])


UNARY: dict[str, _Rule] = {
    "relu": _operator("Relu"),
    "sigmoid": _operator("Sigmoid"),
    "tanh": _operator("Tanh"),
    "exp": _operator("Exp"),
    "log": _operator("Log"),
    "sqrt": _operator("Sqrt"),
    "rsqrt": lambda b, x: b.op1("Reciprocal", [b.op1("Sqrt", [x])]),
    "reciprocal": _operator("Reciprocal"),
    "square": lambda b, x: b.op1("Mul", [x, x]),
    "abs": _operator("Abs"),
    "neg": _operator("Neg"),
    "sin": _operator("Sin"),
    "cos": _operator("Cos"),
    "erf": _operator("Erf"),
    "clip": lambda b, x, low, high: b.op1("Clip", [x, b.scalar(low), b.scalar(high)]),
    "leaky_relu": lambda b, x, slope: b.op1("LeakyRelu", [x], alpha=slope),
    "elu": lambda b, x, alpha: b.op1("Elu", [x], alpha=alpha),
    "celu": lambda b, x, alpha: b.op1("Celu", [x], alpha=alpha),
    "selu": _operator("Selu"),
    "gelu": _operator("Gelu"),
    "gelu_tanh": _operator("Gelu", approximate="tanh"),
    "silu": lambda b, x: b.op1("Mul", [x, b.op1("Sigmoid", [x])]),
    "mish": _operator("Mish"),
    "softplus": _softplus,
    "softsign": _operator("Softsign"),
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_swish": _operator("HardSwish"),
    "log_sigmoid": _log_sigmoid,
    "tanh_shrink": lambda b, x: b.op1("Sub", [x, b.op1("Tanh", [x])]),
    "soft_shrink": lambda b, x, limit: b.op1("Shrink", [x], lambd=limit, bias=limit),
    "hard_shrink": lambda b, x, limit: b.op1("Shrink", [x], lambd=limit, bias=0.0),
}
"""Function of ``edgernn.ops.unary`` -> (builder, operand, parameters) -> result."""
