"""The value at the end of a sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

from edgernn.ir.op import Array, Op
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Last(Op):
    """``y[:, -1]`` or ``h_n``: the last frame of what was fed. At each step it is the answer for the frames so far."""

    kind: ClassVar[str] = "last"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        if x.stream is None:
            raise ValueError("last needs an operand that changes over time")
        return (x.with_stream(replace(x.stream, rate=Fraction(1), final=True)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (x[-1:],)
