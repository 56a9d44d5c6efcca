"""The backward direction of a recurrent layer that looks a fixed number of frames ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Lookahead(Op):
    """``layer``, backwards through windows of ``chunk`` frames of a sequence and ``ahead`` more, or up to its end.

    Operands: those of ``layer``, of which the carried ones are constants: what each window starts from.
    Results: the layer's output for the frames of the chunks, frame j of the sequence as frame j + ``late``; and x,
    ``history`` frames later, which is as late. The sequence begins with frame ``first`` of x. An op of sequence graphs:
    ``passes.stream`` repeats the layer for the frames of a window.
    """

    layer: Op
    chunk: int
    ahead: int
    first: int = 0

    kind: ClassVar[str] = "lookahead"

    @property
    def late(self) -> int:
        """Frames from one of the sequence to its output: whole chunks, so that all of the window is there."""
        return -(-(self.ahead + self.first) // self.chunk) * self.chunk

    @property
    def history(self) -> int:
        """Frames of x before those of a chunk that are remembered."""
        return self.late - self.first

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(self.chunk > 0 and self.ahead >= 0 and self.first >= 0, f"chunks of {self.chunk}, {self.ahead} ahead")
        carried = [inputs[k] for k, _ in self.layer.carried]
        expect(all(t.stream is None for t in carried), "a window starts from constants")
        return self.layer.infer(*inputs)[0], inputs[0]

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, *rest = inputs
        frames = x[self.first :]
        output = np.zeros((len(x) + self.late, *self._shape(rest)), x.dtype)
        for start in range(0, len(frames), self.chunk):
            window = frames[start : start + self.chunk + self.ahead]
            made = self.layer.reference(window[::-1], *rest)[0][::-1][: self.chunk]
            output[self.late + start : self.late + start + len(made)] = made
        return output[: len(x)], np.concatenate([np.zeros((self.history, *x.shape[1:]), x.dtype), x])[: len(x)]

    def _shape(self, rest: list[Array]) -> tuple[int, ...]:
        return rest[self.layer.carried[0][0] - 1].shape
