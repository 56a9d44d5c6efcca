"""What needs the whole sequence: its reverse, values of its end that enter every frame, and later frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Reverse(Op):
    """The frames of a sequence from the last to the first.

    An op of sequence graphs: ``passes.segment`` makes passes of it.
    """

    kind: ClassVar[str] = "reverse"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(x.stream is not None and not x.stream.final, "reverse needs an operand that changes over time")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (x[::-1],)


@dataclass(frozen=True)
class Spread(Op):
    """A value of the end of a sequence, for each of its frames, of any rate: its own is 0. An op of sequence graphs, as
    ``Reverse`` is."""

    kind: ClassVar[str] = "spread"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(x.stream is not None and x.stream.final, "spread needs a value of the end of a sequence")
        return (x if x.stream is None else x.with_stream(replace(x.stream, rate=Fraction(0), final=False)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return inputs


@dataclass(frozen=True)
class Advance(Op):
    """Frame j is frame j + ``frames`` of the operand. An op of sequence graphs, as ``Reverse`` is.

    Of a convolution that looks ahead the operand is late: a pass makes some steps more, and the result is in time.
    """

    frames: int

    kind: ClassVar[str] = "advance"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(self.frames > 0, f"advance by {self.frames} frames")
        expect(x.stream is not None and not x.stream.final, "advance needs an operand that changes over time")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (np.concatenate([x[self.frames :], np.zeros_like(x[: self.frames])]),)
