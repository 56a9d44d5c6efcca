"""What is known of the frames of a value: which of them a sequence has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgernn.ir.op import Array, Op
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Bounded(Op):
    """Of n frames of input, frames ``first`` to n + ``last`` - 1 of the operand belong to the sequence.

    The others are ``fill`` in the result; where ``fill`` is None nothing may depend on them: a state that reads the
    result stays as it is. An op of sequence graphs: ``passes.stream`` makes choices by signals of it.
    """

    first: int
    last: int
    fill: float | None = None

    kind: ClassVar[str] = "bounded"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        if self.fill is None:
            return (x,)
        y = x.copy()
        y[: self.first], y[len(y) + self.last :] = self.fill, self.fill
        return (y,)
