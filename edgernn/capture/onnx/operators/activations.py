"""The activations that recurrent operators of ONNX name.

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html (activations)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from edgernn.capture.onnx.values import OnnxNode

DEFAULTS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}

REQUIRED = math.nan
"""A parameter for which runtimes take different values where the file gives none."""

PARAMETERS: dict[str, tuple[float | None, float | None]] = {
    "relu": (None, None), "tanh": (None, None), "sigmoid": (None, None), "softsign": (None, None),
    "softplus": (None, None), "affine": (REQUIRED, 0.0), "leakyrelu": (0.01, None),
    "thresholdedrelu": (REQUIRED, None), "scaledtanh": (REQUIRED, REQUIRED), "hardsigmoid": (0.2, 0.5),
    "elu": (1.0, None),
}  # fmt: skip
"""Activation -> defaults of alpha and beta, None where it has none."""


def thresholded_relu(x: torch.Tensor, alpha: float) -> torch.Tensor:
    """x where it is above ``alpha``, else 0."""
    return F.hardshrink(torch.relu(x), alpha) if alpha >= 0 else F.threshold(x, alpha, 0.0)


FUNCTIONS: dict[str, Callable[[torch.Tensor, float, float], torch.Tensor]] = {
    "relu": lambda x, a, b: torch.relu(x),
    "tanh": lambda x, a, b: torch.tanh(x),
    "sigmoid": lambda x, a, b: torch.sigmoid(x),
    "softsign": lambda x, a, b: F.softsign(x),
    "softplus": lambda x, a, b: F.softplus(x),
    "affine": lambda x, a, b: x * a + b,
    "leakyrelu": lambda x, a, b: F.leaky_relu(x, a),
    "thresholdedrelu": lambda x, a, b: thresholded_relu(x, a),
    "scaledtanh": lambda x, a, b: torch.tanh(x * b) * a,
    "hardsigmoid": lambda x, a, b: torch.clamp(x * a + b, 0.0, 1.0),
    "elu": lambda x, a, b: F.elu(x, a),
}


@dataclass(frozen=True)
class Activation:
    """One function of a cell, its name in lower case."""

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The function of each element."""
        return FUNCTIONS[self.name](x, self.alpha, self.beta)


def activations(node: OnnxNode, direction: int, directions: int) -> list[Activation]:
    """The activations of one direction: LSTM f g h, GRU f g, RNN f. Raises UnsupportedModelError."""
    count = len(DEFAULTS[node.op])
    names = [n.lower() for n in node.attr("activations") or DEFAULTS[node.op] * directions]
    alphas, betas = list(node.attr("activation_alpha", [])), list(node.attr("activation_beta", []))
    found = []
    for name in names:
        if name not in PARAMETERS:
            node.refuse(f"unknown activation {name!r}", f"activations are {', '.join(PARAMETERS)}")
        alpha, beta = PARAMETERS[name]
        found.append(Activation(name, _next(alphas, alpha), _next(betas, beta)))
        if math.isnan(found[-1].alpha) or math.isnan(found[-1].beta):
            node.refuse(
                f"the activation {name!r} without its activation_alpha or activation_beta, whose defaults differ "
                "between runtimes",
                "give them in the file",
            )
    return found[direction * count : (direction + 1) * count]


def _next(given: list[float], default: float | None) -> float:
    """The values that a file gives belong, in order, to the activations that have such a parameter."""
    if default is None:
        return 0.0
    return given.pop(0) if given else default
