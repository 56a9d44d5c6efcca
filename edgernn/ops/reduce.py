"""Reductions over axes of a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType

REDUCTIONS: dict[str, Callable[..., Array]] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


@dataclass(frozen=True)
class Reduce(Op):
    """``function`` (a key of REDUCTIONS) over the ``axes`` of a frame (negative)."""

    function: str
    axes: tuple[int, ...]
    keepdims: bool = False

    kind: ClassVar[str] = "reduce"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        rank = len(x.shape)
        expect(self.function in REDUCTIONS, f"unknown reduction {self.function!r}")
        valid = bool(self.axes) and all(-rank <= a < 0 for a in self.axes) and len(set(self.axes)) == len(self.axes)
        expect(valid, f"axes {self.axes} of {x.shape}")
        dropped = {rank + a for a in self.axes}
        if self.keepdims:
            return (x.with_shape(tuple(1 if k in dropped else n for k, n in enumerate(x.shape))),)
        return (x.with_shape(tuple(n for k, n in enumerate(x.shape) if k not in dropped)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (np.asarray(REDUCTIONS[self.function](x, axis=self.axes, keepdims=self.keepdims), dtype=x.dtype),)
