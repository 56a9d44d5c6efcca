"""Kernels of functions of one operand, element by element: one a function, compiled when a model needs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba

from edgernn.runtime.kernels.build import Kernel, inline, named
from edgernn.runtime.kernels.functions import erf, exp, exp_minus_1, log, log_1_plus, sigmoid, softplus, tanh
from edgernn.runtime.kernels.lanes import (
    absolute,
    at_least,
    at_most,
    load,
    square_root,
    store,
    where_greater,
)  # fmt: skip
from edgernn.runtime.kernels.memory import floats, ints, real
from edgernn.runtime.kernels.vectors import LANES

OK = numba.int32(0)

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
SQRT_HALF = 0.7071067811865476
SQRT_2_OVER_PI = 0.7978845608028654

Function = Callable[..., Any]


def _of_vectors(name: str, function: Function) -> Kernel:
    """Kernel of a function of a vector and two numbers. Operands: x, y, count, the two numbers."""
    f = inline(function)

    def run(record: Any) -> Any:
        x, y, p, q = floats(record[0]), floats(record[1]), real(record[3]), real(record[4])
        for k in range(0, record[2], LANES):
            store(y, k, f(load(x, k), p, q))
        return OK

    return Kernel(named(f"unary_{name}", run))


def _of_numbers(name: str, pointer: Any, function: Function) -> Kernel:
    """As ``_of_vectors``, one element at a time, of float32 or int32."""
    f = inline(function)

    def run(record: Any) -> Any:
        x, y, p, q = pointer(record[0]), pointer(record[1]), real(record[3]), real(record[4])
        for k in range(record[2]):
            y[k] = f(x[k], p, q)
        return OK

    return Kernel(named(f"unary_{name}_scalar", run))


@inline
def _gate(x: Any) -> Any:
    return at_most(at_least(x * (1 / 6) + 0.5, 0.0), 1.0)


@inline
def _elu(x: Any) -> Any:
    return exp_minus_1(at_most(x, 0.0))


@inline
def _cubic(x: Any) -> Any:
    return (x * x * x * 0.044715 + x) * SQRT_2_OVER_PI


_VECTOR_FUNCTIONS: dict[str, Function] = {
    "relu": lambda x, p, q: at_least(x, 0.0),
    "sigmoid": lambda x, p, q: sigmoid(x),
    "tanh": lambda x, p, q: tanh(x),
    "exp": lambda x, p, q: exp(x),
    "log": lambda x, p, q: log(x),
    "sqrt": lambda x, p, q: square_root(x),
    "rsqrt": lambda x, p, q: 1.0 / square_root(x),
    "reciprocal": lambda x, p, q: 1.0 / x,
    "square": lambda x, p, q: x * x,
    "abs": lambda x, p, q: absolute(x),
    "neg": lambda x, p, q: x * -1.0,
    "erf": lambda x, p, q: erf(x),
    "clip": lambda x, low, high: at_most(at_least(x, low), high),
    "leaky_relu": lambda x, slope, q: where_greater(x, 0.0, x, x * slope),
    "elu": lambda x, alpha, q: where_greater(x, 0.0, x, _elu(x) * alpha),
    "celu": lambda x, alpha, q: where_greater(x, 0.0, x, _elu(x / alpha) * alpha),
    "selu": lambda x, p, q: where_greater(x, 0.0, x, _elu(x) * SELU_ALPHA) * SELU_SCALE,
    "gelu": lambda x, p, q: x * 0.5 * (erf(x * SQRT_HALF) + 1.0),
    "gelu_tanh": lambda x, p, q: x * 0.5 * (tanh(_cubic(x)) + 1.0),
    "silu": lambda x, p, q: x * sigmoid(x),
    "mish": lambda x, p, q: x * tanh(softplus(x)),
    "softplus": lambda x, beta, threshold: where_greater(x * beta, threshold, x, softplus(x * beta) / beta),
    "softsign": lambda x, p, q: x / (absolute(x) + 1.0),
    "hard_sigmoid": lambda x, p, q: _gate(x),
    "hard_swish": lambda x, p, q: x * _gate(x),
    "log_sigmoid": lambda x, p, q: at_most(x, 0.0) - log_1_plus(exp(absolute(x) * -1.0)),
    "tanh_shrink": lambda x, p, q: x - tanh(x),
    "soft_shrink": lambda x, limit, q: x - at_most(at_least(x, limit * -1.0), limit),
    "hard_shrink": lambda x, limit, q: where_greater(absolute(x), limit, x, 0.0),
}

UNARY_KERNELS: dict[tuple[str, str], Kernel] = {
    **{("float32", name): _of_vectors(name, function) for name, function in _VECTOR_FUNCTIONS.items()},
    ("float32", "sin"): _of_numbers("sin", floats, lambda x, p, q: math.sin(x)),
    ("float32", "cos"): _of_numbers("cos", floats, lambda x, p, q: math.cos(x)),
    ("int32", "relu"): _of_numbers("relu", ints, lambda x, p, q: max(x, numba.int32(0))),
    ("int32", "abs"): _of_numbers("abs", ints, lambda x, p, q: abs(x)),
    ("int32", "neg"): _of_numbers("neg", ints, lambda x, p, q: -x),
    ("int32", "square"): _of_numbers("square", ints, lambda x, p, q: x * x),
}
"""(dtype, function) -> kernel of the elementwise functions."""
