"""Softmax of some of the elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams


@dataclass(frozen=True)
class MaskedSoftmax(Op):
    """Softmax along the last axis over the elements whose mask is not 0; the others become 0.

    Operands: x (..., N), mask (N,) int32, of which an element at least is not 0. Result: (..., N).
    """

    kind: ClassVar[str] = "masked_softmax"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        return (masked(self.kind, inputs),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, mask = inputs
        chosen = over_rows(mask, x)
        e = np.where(chosen, np.exp(x - np.where(chosen, x, -np.inf).max(axis=-1, keepdims=True)), 0.0)
        return (e / e.sum(axis=-1, keepdims=True),)


def masked(kind: str, inputs: tuple[ValueType, ...]) -> ValueType:
    """The type of the result for operands x and mask. Raises ValueError where they do not fit."""
    expect(len(inputs) == 2, f"{kind} has 2 operands, not {len(inputs)}")
    x, mask = inputs
    expect(len(x.shape) >= 1, f"{kind} needs an axis")
    expect(mask.dtype == "int32" and mask.shape == x.shape[-1:], f"a mask is int32 {x.shape[-1:]}, not {mask}")
    return x.with_stream(join_streams(list(inputs)))


def over_rows(mask: Array, x: Array) -> Array:
    """A block of masks as truth values that broadcast to a block of frames ``x``."""
    rank = max(x.ndim, 2)
    return np.asarray(mask.reshape(-1, *(1,) * (rank - 2), mask.shape[-1]) != 0)
