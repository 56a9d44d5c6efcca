"""Activations and arithmetic.

Source: https://onnx.ai/onnx/operators
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch.nn import functional as F

from edgernn.capture.onnx.operators.activations import thresholded_relu
from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import Fixed, OnnxNode, Value, number, tensor, together

FLOATS = (1, 10, 11, 16)
"""Data types of TensorProto that hold floating-point numbers."""


def unary(function: Callable[[torch.Tensor], torch.Tensor]) -> Operator:
    """An operator of one tensor."""
    return lambda node, x, *_: function(tensor(x))


def binary(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Operator:
    """An operator of two tensors, which broadcast. A fixed number stays a number."""

    def operator(node: OnnxNode, a: Value, b: Value) -> Value:
        x, y = together(a, b)
        return function(x, y)

    return operator


def variadic(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Operator:
    """An operator of any number of tensors."""
    return lambda node, *values: reduce(function, together(*values))


def mean(node: OnnxNode, *values: Value) -> Value:
    tensors = together(*values)
    return reduce(torch.add, tensors) * (1.0 / len(tensors))


def power(node: OnnxNode, a: Value, b: Value) -> Value:
    if isinstance(b, Fixed) and b.array.size == 1 and not isinstance(a, Fixed):
        return torch.pow(a, float(number(node, b, "exponent")))
    x, y = together(a, b)
    return torch.pow(x, y)


def clip(node: OnnxNode, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    smallest = node.attr("min") if low is None else number(node, low, "minimum")
    largest = node.attr("max") if high is None else number(node, high, "maximum")
    if smallest is None and largest is None:
        return tensor(x)
    return torch.clamp(tensor(x), smallest, largest)


def prelu(node: OnnxNode, x: Value, slope: Value) -> Value:
    y, k = together(x, slope)
    return torch.relu(y) - k * torch.relu(-y)


def hard_sigmoid(node: OnnxNode, x: Value) -> Value:
    alpha, beta = node.attr("alpha", 0.2), node.attr("beta", 0.5)
    return torch.clamp(tensor(x) * alpha + beta, 0.0, 1.0)


def selu(node: OnnxNode, x: Value) -> Value:
    alpha, gamma = node.attr("alpha", 1.67326319217681884765625), node.attr("gamma", 1.05070102214813232421875)
    y: torch.Tensor = F.elu(tensor(x), alpha) * gamma
    return y


def gelu(node: OnnxNode, x: Value) -> Value:
    y: torch.Tensor = F.gelu(tensor(x), approximate=node.attr("approximate", "none"))
    return y


def cast(node: OnnxNode, x: Value, *_: Value) -> Value:
    """Floating-point types are one here: everything is computed in float32."""
    y = tensor(x)
    if node.op == "CastLike" or (node.attr("to") in FLOATS and y.is_floating_point()):
        return y
    return y.to(torch.float32 if node.attr("to") in FLOATS else torch.int64)


def where(node: OnnxNode, condition: Value, a: Value, b: Value) -> Value:
    x, y = together(a, b)
    return torch.where(tensor(condition).bool(), x, y)


def identity(node: OnnxNode, x: Value, *_: Value | None) -> Value:
    return x


UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Exp": torch.exp, "Log": torch.log,
    "Sqrt": torch.sqrt, "Abs": torch.abs, "Neg": torch.neg, "Erf": torch.erf, "Sin": torch.sin, "Cos": torch.cos,
    "Reciprocal": torch.reciprocal, "Softplus": F.softplus, "Softsign": F.softsign, "HardSwish": F.hardswish,
    "Mish": F.mish, "Sign": torch.sign, "Floor": torch.floor, "Ceil": torch.ceil, "Round": torch.round,
    "Not": torch.logical_not, "IsNaN": torch.isnan,
}  # fmt: skip
BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Equal": torch.eq, "Greater": torch.gt,
    "Less": torch.lt, "GreaterOrEqual": torch.ge, "LessOrEqual": torch.le, "And": torch.logical_and,
    "Or": torch.logical_or, "Mod": torch.fmod,
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **{name: unary(function) for name, function in UNARY.items()},
    **{name: binary(function) for name, function in BINARY.items()},
    "Max": variadic(torch.maximum),
    "Min": variadic(torch.minimum),
    "Sum": variadic(torch.add),
    "Mean": mean,
    "Pow": power,
    "Clip": clip,
    "PRelu": prelu,
    "HardSigmoid": hard_sigmoid,
    "LeakyRelu": lambda node, x: F.leaky_relu(tensor(x), node.attr("alpha", 0.01)),
    "Elu": lambda node, x: F.elu(tensor(x), node.attr("alpha", 1.0)),
    "Celu": lambda node, x: F.celu(tensor(x), node.attr("alpha", 1.0)),
    "ThresholdedRelu": lambda node, x: thresholded_relu(tensor(x), node.attr("alpha", 1.0)),
    "Selu": selu,
    "Gelu": gelu,
    "Cast": cast,
    "CastLike": cast,
    "Where": where,
    "Identity": identity,
    "Dropout": identity,
}
