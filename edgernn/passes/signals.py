"""Signals that tell a program with a delay which frames belong to the sequence."""

from __future__ import annotations

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, State
from edgernn.ir.interface import LINE_STATE, LIVE_STATE
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Bounded, Concat, Last, Select, Slice

SIGNAL = ValueType("int32", (1,), StreamInfo())


class Signals:
    """Makes choices by whether frames belong to the sequence.

    The state LIVE_STATE is 1 until the end of the sequence; LINE_STATE holds what it was in the steps before, so that a
    frame of some steps ago is told from none at all.
    """

    def __init__(self, builder: Builder, graph: Graph) -> None:
        """``graph`` is the sequence graph; its ``delay`` and ``tail`` are known."""
        bounds = [
            -(-n // graph.frames(node.inputs[0]))
            for node in graph.nodes if isinstance(node.op, Bounded) for n in (node.op.first, node.op.last)
        ]  # fmt: skip
        self.builder, self.tail = builder, graph.tail
        self.ends = any(isinstance(node.op, Last) for node in graph.nodes)
        self.steps = max([graph.delay, graph.tail, *bounds])
        self.states: list[State] = []
        self._signals: dict[int, str] = {}
        if self.steps:
            self._declare()

    def _declare(self) -> None:
        values, steps = self.builder.graph.values, self.steps
        values[LIVE_STATE], values[LINE_STATE] = SIGNAL, SIGNAL.with_shape((steps,))
        now = self.builder.add1(Concat(-1), [LINE_STATE, LIVE_STATE], "stream_live_frames")
        after = self.builder.add1(Slice(-1, 1, steps + 1), [now], "stream_live_next")
        for k in range(steps + 1):
            self._signals[steps - k] = self.builder.add1(Slice(-1, k, k + 1), [now], f"stream_live_{steps - k}")
        ones, zeros = np.ones(1, np.int32), np.zeros(steps, np.int32)
        self.states = [
            State(LIVE_STATE, (1,), "int32", ones, before=LIVE_STATE, after=LIVE_STATE),
            State(LINE_STATE, (steps,), "int32", zeros, before=LINE_STATE, after=after),
        ]

    def within(self, value: str, other: str, bounds: tuple[int, int], place: tuple[int, int] = (0, 1)) -> str:
        """``value`` for frames bounds[0] to n + bounds[1] - 1 of n, ``other`` for those before and after.

        ``place`` of the frame: the k-th of so many that a step has.
        """
        first, last = bounds
        if first > last:
            return self._chosen(self.ago(first, place), self._chosen(self.ago(last, place), value, other), other)
        for steps in sorted({self.ago(k, place) for k in range(first, last + 1)}, reverse=True):
            other = self._chosen(steps, value, other)
        return other

    def differ(self, bounds: tuple[int, int], place: tuple[int, int]) -> bool:
        """Whether the frame after the one at ``place`` may be outside of the sequence and this one not, or the other
        way round."""
        k, count = place
        return any(self.ago(bound, place) != self.ago(bound, (k + 1, count)) for bound in bounds)

    @staticmethod
    def ago(frames: int, place: tuple[int, int]) -> int:
        """How many steps ago the frame was that is so many frames before the one at ``place``."""
        k, count = place
        return -((k - frames) // count)

    def _chosen(self, steps: int, value: str, other: str) -> str:
        """``value`` where a frame of the sequence was fed ``steps`` ago."""
        if steps == 0 and self.tail == 0:
            return value
        return self.builder.add1(Select(), [self._signals[steps], value, other], f"{value}_within")

    def needed(self, first: int, last: int, count: int) -> bool:
        """Whether a state that sees these frames, ``count`` in a step, must be kept from others: those before the
        first, and, where outputs at the end depend on it, those after the last."""
        return first > 0 or (self.ends and self.tail * count > last)
