"""Table look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Embedding(Op):
    """``torch.nn.functional.embedding``. Operands: indices (...) int32 in [0, V), constant table (V, E).

    Result: (..., E).
    """

    kind: ClassVar[str] = "embedding"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"embedding has 2 operands, not {len(inputs)}")
        indices, table = inputs
        expect_constants(table)
        expect(indices.dtype == "int32", f"embedding indices must be int32, not {indices.dtype}")
        expect(len(table.shape) == 2, f"the table must have two axes, not {table.shape}")
        return (ValueType(table.dtype, (*indices.shape, table.shape[1]), indices.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        indices, table = inputs
        return (table[indices],)
