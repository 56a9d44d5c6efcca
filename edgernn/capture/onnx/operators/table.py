"""The type of an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgernn.capture.onnx.values import OnnxGraph, Value

Operator = Callable[..., "Value | list[Value]"]
"""(node, operands, None for one that is left out) -> result or results."""


@dataclass(frozen=True)
class Scope:
    """What a control flow operator sees: the values outside, and how a graph is run."""

    values: Mapping[str, Value]
    run: Callable[[OnnxGraph, Mapping[str, Value]], list[Value]]


Control = Callable[..., Sequence[Value]]
"""(node, scope, operands) -> results."""
