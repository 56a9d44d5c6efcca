"""Layers that look ahead: the backward direction of the frames of one step."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.ir.builder import Builder
from edgernn.ops import Lookahead, Reshape, Slice
from edgernn.passes.signals import Signals


class Windows:
    """Runs a layer backwards through the windows of a step, of which ``frames`` holds all frames.

    count   of frames that a step has, a multiple of the chunk
    bounds  of the frames of the sequence, as of ``Bounded``
    """

    def __init__(
        self, op: Lookahead, builder: Builder, signals: Signals, frames: str, count: int, bounds: tuple[int, int]
    ) -> None:
        self.op, self.builder, self.signals, self.count = op, builder, signals, count
        self.bounds = bounds
        self.frames = [self._frame(frames, k) for k in range(count + op.ahead)]

    def outputs(self, operands: Sequence[str], hint: str) -> list[str]:
        """Of each frame of the chunks of a step; ``operands`` are those of the layer."""
        starts = range(0, self.count, self.op.chunk)
        return [output for start in starts for output in self._chunk(start, operands, hint)]

    def _frame(self, frames: str, k: int) -> str:
        shape = self.builder.graph.values[frames].shape
        part = self.builder.add1(Slice(-len(shape), k, k + 1), [frames], f"{frames}_{k}")
        return self.builder.add1(Reshape(shape[1:]), [part], f"{frames}_{k}")

    def _chunk(self, start: int, operands: Sequence[str], hint: str) -> list[str]:
        """From the end of the window to the beginning of the chunk. Frames beyond the end of the sequence leave the
        states as they were: as they are at first, since all that is behind such a frame is beyond the end too."""
        layer, made = self.op.layer, list[str]()
        begin = [operands[position] for position, _ in layer.carried]
        before = begin
        for k in reversed(range(start, start + self.op.chunk + self.op.ahead)):
            given = [self.frames[k], *operands[1:]]
            for (position, _), name in zip(layer.carried, before, strict=True):
                given[position] = name
            results = self.builder.add(layer, given, hint)
            made.append(results[0])
            before = [results[output] for _, output in layer.carried]
            if k > start and self._ends_between(k, start):
                pairs = zip(before, begin, strict=True)
                before = [self.signals.within(new, old, self.bounds, self._place(k)) for new, old in pairs]
        return made[: -self.op.chunk - 1 : -1]

    def _ends_between(self, k: int, start: int) -> bool:
        """Whether the sequence may end before a frame, but not before the one in front of it."""
        end = start + self.op.chunk
        if k < end and (self.bounds[1] - self.bounds[0]) % self.op.chunk == 0:
            return False
        return k == end or self.signals.differ(self.bounds, self._place(k - 1))

    def _place(self, k: int) -> tuple[int, int]:
        return k - self.op.history, self.count
