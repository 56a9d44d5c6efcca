"""Product of two matrices of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams


@dataclass(frozen=True)
class Matmul(Op):
    """``torch.matmul`` of a (..., M, K) and b (..., K, N) with equal or no leading axes. Result: (..., M, N).

    At most one operand is a constant, and a constant has two axes.
    """

    kind: ClassVar[str] = "matmul"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"matmul has 2 operands, not {len(inputs)}")
        a, b = inputs
        expect(len(a.shape) >= 2 and len(b.shape) >= 2, f"matmul needs matrices, not {a.shape}, {b.shape}")
        expect(a.shape[-1] == b.shape[-2], f"matmul of {a.shape} and {b.shape}")
        lead_a, lead_b = a.shape[:-2], b.shape[:-2]
        for operand, lead in ((a, lead_a), (b, lead_b)):
            expect(operand.stream is not None or not lead, f"a constant of matmul has two axes, not {operand.shape}")
        both = a.stream is not None and b.stream is not None
        expect(not both or lead_a == lead_b, f"leading axes of matmul differ: {a.shape}, {b.shape}")
        lead = lead_a or lead_b
        return (ValueType(a.dtype, (*lead, a.shape[-2], b.shape[-1]), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = inputs
        return (a @ b,)
