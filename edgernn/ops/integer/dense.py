"""Linear layers and look-ups in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.integer.arithmetic import INTEGER_DTYPES, matvec, requantize, saturated
from edgernn.ops.integer.recurrent import expect_matrix, expect_pre_shift, expect_rows


@dataclass(frozen=True)
class LinearInt16(Op):
    """y = sat(requantize(w x << pre_shift, multiplier, bias)), saturated to ``dtype``.

    Operands: x (..., I) int16 or int8, w (O, I) int8, multiplier (O), bias (O) int32, in units of the result.
    Result: (..., O) ``dtype``: int16, or for x of int8 also int8.
    """

    dtype: str = "int16"
    pre_shift: int = 0

    kind: ClassVar[str] = "linear_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 4, f"linear_int16 has 4 operands, not {len(inputs)}")
        x, w, multiplier, bias = inputs
        expect(
            x.dtype in INTEGER_DTYPES and len(x.shape) >= 1 and len(w.shape) == 2,
            f"linear_int16 of {x.dtype} {x.shape}, {w.shape}",
        )
        expect(self.dtype in ("int16", x.dtype), f"linear_int16 of {x.dtype} cannot be {self.dtype}")
        expect_pre_shift(self.pre_shift, x)
        rows = w.shape[0]
        expect_matrix("w", w, rows, x.shape[-1])
        expect_rows("linear_int16", rows, multiplier, bias)
        return (ValueType(self.dtype, (*x.shape[:-1], rows), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, multiplier, bias = inputs
        y = requantize(matvec(w, x), multiplier, bias, self.pre_shift)
        return (saturated(y, self.dtype).astype(self.dtype),)


@dataclass(frozen=True)
class EmbeddingInt16(Op):
    """Rows of an int8 table: sat((entry * multiplier[row] + 2^15) >> 16), saturated to ``dtype``.

    Operands: indices (...) int32 in [0, V), table (V, E) int8, multiplier (V) int32 in [0, 2^23).
    Result: (..., E) ``dtype``, int16 or int8.
    """

    dtype: str = "int16"

    kind: ClassVar[str] = "embedding_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"embedding_int16 has 3 operands, not {len(inputs)}")
        indices, table, multiplier = inputs
        expect(indices.dtype == "int32", f"embedding indices must be int32, not {indices.dtype}")
        expect(
            table.dtype == "int8" and len(table.shape) == 2,
            f"the table must be int8 (V, E), not {table.dtype} {table.shape}",
        )
        expect(self.dtype in INTEGER_DTYPES, f"embedding_int16 of {self.dtype}")
        expect_rows("embedding_int16", table.shape[0], multiplier)
        return (ValueType(self.dtype, (*indices.shape, table.shape[1]), indices.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        indices, table, multiplier = inputs
        rows = table[indices].astype(np.int64)
        scaled = (rows * multiplier[indices][..., None] + (1 << 15)) >> 16
        return (saturated(scaled, self.dtype).astype(self.dtype),)
