"""Softmax and its logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType


def _axis_of(axis: int, inputs: tuple[ValueType, ...]) -> tuple[ValueType, ...]:
    (x,) = inputs
    expect(-len(x.shape) <= axis < 0, f"axis {axis} of {x.shape}")
    return (x,)


@dataclass(frozen=True)
class Softmax(Op):
    """exp(x) / sum(exp(x)) along ``axis`` (negative), computed after subtracting the maximum."""

    axis: int = -1

    kind: ClassVar[str] = "softmax"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        return _axis_of(self.axis, inputs)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return (e / e.sum(axis=self.axis, keepdims=True),)


@dataclass(frozen=True)
class LogSoftmax(Op):
    """x - max - log(sum(exp(x - max))) along ``axis`` (negative)."""

    axis: int = -1

    kind: ClassVar[str] = "log_softmax"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        return _axis_of(self.axis, inputs)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        shifted = x - x.max(axis=self.axis, keepdims=True)
        return (shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True)),)
