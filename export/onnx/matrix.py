"""Matrices of weights on their way into a file: float32, or int8 with a scale for each row.

Of the ways to write a matrix of int8, Cast and Mul are the fastest in ONNX Runtime, which computes them once, when it
loads the file. DequantizeLinear is computed at each step (``benchmarks/onnx_integer_forms.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir import nibbles
from edgernn.ir.graph import Node
from edgernn.ir.op import Array

FOUR_BITS = "int16x4"
"""The scheme with such weights. ONNX Runtime converts them from version 1.23 on."""


@dataclass(frozen=True)
class Matrix:
    """``values`` (R, C); where they are int8, ``scale`` (R) says what their units are worth."""

    values: Array
    scale: Array | None = None

    def reordered(self, order: Sequence[int]) -> Matrix:
        """The blocks of rows, one a gate, in another order."""
        return Matrix(reorder(self.values, order), None if self.scale is None else reorder(self.scale, order))

    def put(self, b: ModelBuilder, *, transposed: bool = False, lead: int = 0) -> str:
        """Name of the float32 matrix, or its transpose, with ``lead`` axes of length 1 before."""
        values, before = self.values.T if transposed else self.values, (1,) * lead
        values = values.reshape(before + values.shape)
        if self.scale is None:
            return b.constant(values)
        scale = self.scale.astype(np.float32)
        scale = scale.reshape((*before, 1, -1) if transposed else (*before, -1, 1))
        stored = b.int4(values) if _in_four_bits(b, self.values) else b.constant(values)
        return b.op1("Mul", [b.op1("Cast", [stored], to=TensorProto.FLOAT), b.constant(scale)])


def _in_four_bits(b: ModelBuilder, values: Array) -> bool:
    """In other schemes, numbers may happen to fit."""
    return FOUR_BITS in b.graph.scheme.split("+") and nibbles.fits(values)


def matrix(b: ModelBuilder, node: Node, k: int) -> Matrix:
    """Operand ``k`` of ``node``. Raises UnsupportedOpError unless it is a constant."""
    stored = b.matrices.get(node.inputs[k])
    if stored is not None:
        return Matrix(stored.w, stored.scale)
    return Matrix(*b.weights(node, [node.inputs[k]]))


def rows_of_int8(b: ModelBuilder, indices: str, table: Array, unit: Array) -> str:
    """Rows of ``table`` (V, E) int8 in float32, times ``unit`` (V). The table stays in int8 in memory too."""
    rows, units = (b.op1("Gather", [b.constant(t), indices], axis=0) for t in (table, unit.astype(np.float32)[:, None]))
    return b.op1("Mul", [b.op1("Cast", [rows], to=TensorProto.FLOAT), units])


def reorder(array: Array, order: Sequence[int]) -> Array:
    """The blocks of the first axis, one a gate, in another order."""
    return np.concatenate([np.split(array, len(order))[k] for k in order])
