"""Squared magnitudes of complex numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.binary import Binary
from edgernn.ops.shape import Reshape, Slice

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True)
class SquaredMagnitude(Op):
    """re^2 + im^2: the power of each frequency.

    Operand: (..., 2, B), real parts and imaginary parts, as of ``Rfft``. Result: (..., B).
    """

    kind: ClassVar[str] = "squared_magnitude"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 1, f"squared_magnitude has 1 operand, not {len(inputs)}")
        (x,) = inputs
        expect(len(x.shape) >= 2 and x.shape[-2] == 2, f"squared_magnitude of frames {x.shape}; (..., 2, B) expected")
        return (x.with_shape((*x.shape[:-2], x.shape[-1])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        real, imaginary = inputs[0][..., 0, :], inputs[0][..., 1, :]
        return (real * real + imaginary * imaginary,)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """Two squares and their sum."""
        x = inputs[0]
        shape = builder.graph.values[x].shape
        squares = []
        for k, name in enumerate(("real", "imaginary")):
            part = builder.add1(Slice(-2, k, k + 1), [x], f"{x}_{name}")
            part = builder.add1(Reshape((*shape[:-2], shape[-1])), [part], f"{x}_{name}")
            squares.append(builder.add1(Binary("mul"), [part, part], f"{x}_{name}_squared"))
        return (builder.add1(Binary("add"), squares, f"{x}_power"),)
