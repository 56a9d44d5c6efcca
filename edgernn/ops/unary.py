"""Elementwise functions of one operand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.binary import Binary
from edgernn.ops.math import erf, sigmoid, softplus

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
SQRT_HALF = 0.7071067811865476
SQRT_2_OVER_PI = 0.7978845608028654

_Function = Callable[..., Array]


def _gelu_tanh(x: Array) -> Array:
    y: Array = 0.5 * x * (1 + np.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)))
    return y


def _softplus(x: Array, beta: float, threshold: float) -> Array:
    return np.where(x * beta > threshold, x, softplus(x * beta) / beta)


UNARY_FUNCTIONS: dict[str, tuple[int, _Function]] = {
    "relu": (0, lambda x: np.maximum(x, 0)),
    "sigmoid": (0, sigmoid),
    "tanh": (0, np.tanh),
    "exp": (0, np.exp),
    "log": (0, np.log),
    "sqrt": (0, np.sqrt),
    "rsqrt": (0, lambda x: 1 / np.sqrt(x)),
    "reciprocal": (0, lambda x: 1 / x),
    "square": (0, np.square),
    "abs": (0, np.abs),
    "neg": (0, np.negative),
    "sin": (0, np.sin),
    "cos": (0, np.cos),
    "erf": (0, erf),
    "clip": (2, lambda x, low, high: np.clip(x, low, high)),
    "leaky_relu": (1, lambda x, slope: np.where(x > 0, x, slope * x)),
    "elu": (1, lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))),
    "celu": (1, lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))),
    "selu": (0, lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))),
    "gelu": (0, lambda x: 0.5 * x * (1 + erf(x * SQRT_HALF))),
    "gelu_tanh": (0, _gelu_tanh),
    "silu": (0, lambda x: x * sigmoid(x)),
    "mish": (0, lambda x: x * np.tanh(softplus(x))),
    "softplus": (2, _softplus),
    "softsign": (0, lambda x: x / (1 + np.abs(x))),
    "hard_sigmoid": (0, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hard_swish": (0, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "log_sigmoid": (0, lambda x: -softplus(-x)),
    "tanh_shrink": (0, lambda x: x - np.tanh(x)),
    "soft_shrink": (1, lambda x, limit: np.where(x > limit, x - limit, np.where(x < -limit, x + limit, 0))),
    "hard_shrink": (1, lambda x, limit: np.where(np.abs(x) > limit, x, 0)),
}
"""Name -> (number of parameters, definition). Definitions and parameter order are those of
``torch.nn.functional``: clip(low, high), leaky_relu(slope), elu(alpha), celu(alpha),
softplus(beta, threshold), soft_shrink(lambda), hard_shrink(lambda)."""


@dataclass(frozen=True)
class Unary(Op):
    """``function`` (a key of UNARY_FUNCTIONS) of each element, with its ``parameters``."""

    function: str
    parameters: tuple[float, ...] = ()

    kind: ClassVar[str] = "unary"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 1, f"unary has 1 operand, not {len(inputs)}")
        expect(self.function in UNARY_FUNCTIONS, f"unknown function {self.function!r}")
        count = UNARY_FUNCTIONS[self.function][0]
        expect(len(self.parameters) == count, f"{self.function} has {count} parameters, not {len(self.parameters)}")
        return (inputs[0],)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        with np.errstate(over="ignore", under="ignore"):
            return (UNARY_FUNCTIONS[self.function][1](x, *self.parameters).astype(x.dtype, copy=False),)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """All but relu, sigmoid, tanh, exp, log, sqrt, abs, neg, sin, cos, erf and clip as arithmetic on these."""
        rule = _DECOMPOSITIONS.get(self.function)
        return None if rule is None else (rule(_Expression(builder), inputs[0], *self.parameters),)


class _Expression:
    """Short names for building elementwise arithmetic."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def f(self, function: str, x: str, *parameters: float) -> str:
        return self.builder.add1(Unary(function, parameters), [x], function)

    def op(self, function: str, a: str, b: str | float) -> str:
        operand = b if isinstance(b, str) else self.builder.scalar(b)
        return self.builder.add1(Binary(function), [a, operand], function)

    def softplus(self, x: str) -> str:
        small = self.f("log", self.op("add", self.f("exp", self.f("neg", self.f("abs", x))), 1.0))
        return self.op("add", self.f("relu", x), small)

    def exp_minus_1(self, x: str) -> str:
        return self.op("sub", self.f("exp", self.op("minimum", x, 0.0)), 1.0)

    def elu(self, x: str, alpha: float, divisor: float = 1.0) -> str:
        inner = x if divisor == 1.0 else self.op("mul", x, 1.0 / divisor)
        return self.op("add", self.f("relu", x), self.op("mul", self.exp_minus_1(inner), alpha))

    def gate(self, x: str) -> str:
        return self.f("clip", self.op("add", self.op("mul", x, 1 / 6), 0.5), 0.0, 1.0)

    def gelu_tanh(self, x: str) -> str:
        cube = self.op("mul", self.op("mul", x, x), x)
        inner = self.op("mul", self.op("add", self.op("mul", cube, 0.044715), x), SQRT_2_OVER_PI)
        return self.op("mul", self.op("mul", x, 0.5), self.op("add", self.f("tanh", inner), 1.0))

    def soft_shrink(self, x: str, limit: float) -> str:
        above = self.f("relu", self.op("sub", x, limit))
        return self.op("sub", above, self.f("relu", self.op("sub", self.f("neg", x), limit)))

    def softplus_beta(self, x: str, beta: float) -> str:
        inner = x if beta == 1.0 else self.op("mul", x, beta)
        y = self.softplus(inner)
        return y if beta == 1.0 else self.op("mul", y, 1.0 / beta)


_DECOMPOSITIONS: dict[str, Callable[..., str]] = {
    "rsqrt": lambda e, x: e.f("reciprocal", e.f("sqrt", x)),
    "reciprocal": lambda e, x: e.op("pow", x, -1.0),
    "square": lambda e, x: e.op("mul", x, x),
    "leaky_relu": lambda e, x, slope: e.op("add", e.f("relu", x), e.op("mul", e.op("minimum", x, 0.0), slope)),
    "elu": lambda e, x, alpha: e.elu(x, alpha),
    "celu": lambda e, x, alpha: e.elu(x, alpha, alpha),
    "selu": lambda e, x: e.op("mul", e.elu(x, SELU_ALPHA), SELU_SCALE),
    "gelu": lambda e, x: e.op("mul", e.op("mul", x, 0.5), e.op("add", e.f("erf", e.op("mul", x, SQRT_HALF)), 1.0)),
    "gelu_tanh": lambda e, x: e.gelu_tanh(x),
    "silu": lambda e, x: e.op("mul", x, e.f("sigmoid", x)),
    "mish": lambda e, x: e.op("mul", x, e.f("tanh", e.softplus(x))),
    "softplus": lambda e, x, beta, threshold: e.softplus_beta(x, beta),
    "softsign": lambda e, x: e.op("div", x, e.op("add", e.f("abs", x), 1.0)),
    "hard_sigmoid": lambda e, x: e.gate(x),
    "hard_swish": lambda e, x: e.op("mul", x, e.gate(x)),
    "log_sigmoid": lambda e, x: e.f("neg", e.softplus(e.f("neg", x))),
    "tanh_shrink": lambda e, x: e.op("sub", x, e.f("tanh", x)),
    "soft_shrink": lambda e, x, limit: e.soft_shrink(x, limit),
}
