"""Reductions over axes.

Source: https://onnx.ai/onnx/operators
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from edgernn.capture.onnx.operators.shape import axes
from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import OnnxNode, Value, number, tensor

Reduction = Callable[[torch.Tensor, list[int], bool], torch.Tensor]


def reduction(function: Reduction) -> Operator:
    """An operator that reduces the axes given, or all."""

    def operator(node: OnnxNode, x: Value, given: Value | None = None) -> Value:
        y, at = tensor(x), axes(node, given)
        if not at:
            if node.attr("noop_with_empty_axes", 0):
                return y
            at = list(range(y.ndim))
        return function(y, [a % y.ndim for a in at], bool(node.attr("keepdims", 1)))

    return operator


def global_pool(function: Reduction) -> Operator:
    """An operator that reduces all axes after the first two."""
    return lambda node, x: function(tensor(x), list(range(2, tensor(x).ndim)), True)


def _prod(x: torch.Tensor, at: list[int], keep: bool) -> torch.Tensor:
    for axis in sorted(at, reverse=True):
        x = x.prod(axis, keep)
    return x


def _l2(x: torch.Tensor, at: list[int], keep: bool) -> torch.Tensor:
    return (x * x).sum(at, keep).sqrt()


def lp_norm(node: OnnxNode, x: Value) -> Value:
    """LpNormalization."""
    y, axis = tensor(x), node.attr("axis", -1)
    if node.attr("p", 2) == 1:
        return y / y.abs().sum(axis, True)
    return y / _l2(y, [axis], True)


def cumulative(node: OnnxNode, x: Value, axis: Value) -> Value:
    """CumSum, forwards and inclusive."""
    if node.attr("exclusive", 0) or node.attr("reverse", 0):
        node.refuse("a cumulative sum that is exclusive or runs backwards")
    return torch.cumsum(tensor(x), int(number(node, axis, "axis")))


def _all(reduce: Callable[..., Any]) -> Reduction:
    return lambda x, at, keep: reduce(x, at, keep)


MEAN, MAX = _all(torch.mean), _all(torch.amax)

OPERATORS: dict[str, Operator] = {
    "ReduceMean": reduction(MEAN),
    "ReduceSum": reduction(_all(torch.sum)),
    "ReduceMax": reduction(MAX),
    "ReduceMin": reduction(_all(torch.amin)),
    "ReduceProd": reduction(_prod),
    "ReduceL1": reduction(lambda x, at, keep: x.abs().sum(at, keep)),
    "ReduceL2": reduction(_l2),
    "ReduceSumSquare": reduction(lambda x, at, keep: (x * x).sum(at, keep)),
    "ReduceLogSumExp": reduction(_all(torch.logsumexp)),
    "ReduceLogSum": reduction(lambda x, at, keep: x.sum(at, keep).log()),
    "GlobalAveragePool": global_pool(MEAN),
    "GlobalMaxPool": global_pool(MAX),
    "LpNormalization": lp_norm,
    "CumSum": cumulative,
}
