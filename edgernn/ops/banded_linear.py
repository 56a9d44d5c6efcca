"""Linear map whose rows are zero outside a band each, such as a bank of mel filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType
from edgernn.ops.linear import Linear

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True)
class BandedLinear(Op):
    """y[o] = sum over k < lengths[o] of weights[first(o) + k] x[starts[o] + k], first(o) = sum of the lengths before.

    Operands: x (..., I), constants weights (N), starts (O) and lengths (O) int32, lengths of 1 and more, N their sum.
    Result: (..., O).
    """

    kind: ClassVar[str] = "banded_linear"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 4, f"banded_linear has 4 operands, not {len(inputs)}")
        x, weights, starts, lengths = inputs
        expect_constants(weights, starts, lengths)
        expect(len(x.shape) >= 1 and len(weights.shape) == 1, f"banded_linear of {x.shape} with {weights.shape}")
        expect(
            starts.dtype == lengths.dtype == "int32" and len(starts.shape) == 1 and starts.shape == lengths.shape,
            f"starts and lengths must be int32 (O), not {starts.dtype} {starts.shape}, {lengths.dtype} {lengths.shape}",
        )
        return (ValueType(x.dtype, (*x.shape[:-1], starts.shape[0]), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, weights, starts, lengths = inputs
        return (x @ dense(weights, starts, lengths, x.shape[-1]).T.astype(x.dtype),)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """A linear layer with all the zeros."""
        x = inputs[0]
        weights, starts, lengths = (builder.graph.constants[name] for name in inputs[1:])
        matrix = dense(weights, starts, lengths, builder.graph.values[x].shape[-1])
        bias = builder.constant(np.zeros(len(matrix), np.float32), f"{inputs[1]}_bias")
        return (builder.add1(Linear(), [x, builder.constant(matrix, f"{inputs[1]}_dense"), bias], f"{x}_bands"),)


def dense(weights: Array, starts: Array, lengths: Array, columns: int) -> Array:
    """The matrix (O, columns) with all its zeros, of the dtype of ``weights``."""
    matrix = np.zeros((len(starts), columns), weights.dtype)
    first = 0
    for row, start, length in zip(matrix, starts, lengths, strict=True):
        row[start : start + length] = weights[first : first + length]
        first += int(length)
    return matrix


def bands(matrix: Array) -> tuple[Array, Array, Array]:
    """weights, starts and lengths of a matrix (O, I); a row of zeros has a band of one of them."""
    starts, lengths, weights = [], [], []
    for row in matrix:
        at = np.flatnonzero(row)
        first, last = (int(at[0]), int(at[-1])) if at.size else (0, 0)
        starts.append(first)
        lengths.append(last - first + 1)
        weights.append(row[first : last + 1])
    return np.concatenate(weights), np.array(starts, np.int32), np.array(lengths, np.int32)
