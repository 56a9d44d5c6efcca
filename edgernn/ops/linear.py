"""Affine map of the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Linear(Op):
    """``torch.nn.functional.linear``: y = x @ w.T + b.

    Operands: x (..., I), constant w (O, I), constant b (O). Result: (..., O).
    """

    kind: ClassVar[str] = "linear"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"linear has 3 operands, not {len(inputs)}")
        x, w, b = inputs
        expect_constants(w, b)
        expect(
            len(x.shape) >= 1 and len(w.shape) == 2, f"linear needs a frame axis and a matrix, not {x.shape}, {w.shape}"
        )
        expect(w.shape[1] == x.shape[-1], f"weight {w.shape} does not fit frames of {x.shape}")
        expect(b.shape == (w.shape[0],), f"bias must be {(w.shape[0],)}, not {b.shape}")
        return (ValueType(x.dtype, (*x.shape[:-1], w.shape[0]), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, b = inputs
        return (x @ w.T + b,)
