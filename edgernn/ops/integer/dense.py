"""Linear layers and look-ups in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.integer.arithmetic import matvec, requantize, sat16
from edgernn.ops.integer.recurrent import expect_matrix, expect_rows


@dataclass(frozen=True)
class LinearInt16(Op):
    """y = sat16(requantize(w x, multiplier, bias)).

    Operands: x (..., I) int16, w (O, I) int8, multiplier (O), bias (O) int32, in units of the result.
    Result: (..., O) int16.
    """

    kind: ClassVar[str] = "linear_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 4, f"linear_int16 has 4 operands, not {len(inputs)}")
        x, w, multiplier, bias = inputs
        expect(
            x.dtype == "int16" and len(x.shape) >= 1 and len(w.shape) == 2,
            f"linear_int16 of {x.dtype} {x.shape}, {w.shape}",
        )
        rows = w.shape[0]
        expect_matrix("w", w, rows, x.shape[-1])
        expect_rows("linear_int16", rows, multiplier, bias)
        return (ValueType("int16", (*x.shape[:-1], rows), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, multiplier, bias = inputs
        return (sat16(requantize(matvec(w, x), multiplier, bias)).astype(np.int16),)


@dataclass(frozen=True)
class EmbeddingInt16(Op):
    """Rows of an int8 table: sat16((entry * multiplier[row] + 2^15) >> 16).

    Operands: indices (...) int32 in [0, V), table (V, E) int8, multiplier (V) int32 in [0, 2^23).
    Result: (..., E) int16.
    """

    kind: ClassVar[str] = "embedding_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"embedding_int16 has 3 operands, not {len(inputs)}")
        indices, table, multiplier = inputs
        expect(indices.dtype == "int32", f"embedding indices must be int32, not {indices.dtype}")
        expect(
            table.dtype == "int8" and len(table.shape) == 2,
            f"the table must be int8 (V, E), not {table.dtype} {table.shape}",
        )
        expect_rows("embedding_int16", table.shape[0], multiplier)
        return (ValueType("int16", (*indices.shape, table.shape[1]), indices.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        indices, table, multiplier = inputs
        rows = table[indices].astype(np.int64)
        return (sat16((rows * multiplier[indices][..., None] + (1 << 15)) >> 16).astype(np.int16),)
