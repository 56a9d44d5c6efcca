"""Frames of before: windows of the last frames, delays, and one frame of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.shape import Concat, Reshape, Slice

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


def slower(x: ValueType, stride: int) -> ValueType:
    """The type of a value of which there is one frame for ``stride`` of ``x``."""
    return x if x.stream is None else x.with_stream(replace(x.stream, rate=x.stream.rate / stride))


@dataclass(frozen=True)
class Window(Op):
    """Frame t of the result is x[s - (size - 1) dilation], ..., x[s - dilation], x[s], where s = stride t + phase.

    Operands: x (*shape), history (span, *shape): the frames before x, oldest first, span = (size - 1) dilation.
    Results: (size, *shape), and the next history.
    """

    size: int
    dilation: int = 1
    stride: int = 1
    phase: int = 0

    kind: ClassVar[str] = "window"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 1),)

    @property
    def span(self) -> int:
        """Frames before the current one that are remembered."""
        return (self.size - 1) * self.dilation

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"window has 2 operands, not {len(inputs)}")
        expect(self.size > 1 and self.dilation > 0, f"a window of {self.size} frames, dilation {self.dilation}")
        expect(0 <= self.phase < self.stride, f"phase {self.phase} of a stride of {self.stride}")
        x, history = inputs
        expect(history.shape == (self.span, *x.shape), f"history must be {(self.span, *x.shape)}, not {history.shape}")
        return slower(x.with_shape((self.size, *x.shape)), self.stride), x.with_shape(history.shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, history = inputs
        frames = np.concatenate([history.astype(x.dtype, copy=False), x])
        at, every = np.arange(len(x))[:, None], np.arange(self.phase, len(x), self.stride)[:, None]
        return frames[every + np.arange(0, self.span + 1, self.dilation)], frames[at + 1 + np.arange(self.span)]

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """Join history and frame, then cut."""
        x, history = inputs
        shape = builder.graph.values[x].shape
        axis = -1 - len(shape)
        frame = builder.add1(Reshape((1, *shape)), [x], f"{x}_frame")
        frames = builder.add1(Concat(axis), [history, frame], f"{x}_frames")
        window = builder.add1(Slice(axis, 0, self.span + 1, self.dilation), [frames], f"{x}_window")
        return window, builder.add1(Slice(axis, 1, self.span + 1), [frames], f"{x}_history")


@dataclass(frozen=True)
class Delay(Op):
    """Frame t of the result is x[t - frames].

    Operands: x (*shape), history (frames, *shape): the frames before x, oldest first.
    Results: (*shape), and the next history.
    """

    frames: int

    kind: ClassVar[str] = "delay"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 1),)

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2 and self.frames > 0, f"a delay of {self.frames} frames with {len(inputs)} operands")
        x, history = inputs
        wanted = (self.frames, *x.shape)
        expect(history.shape == wanted, f"history must be {wanted}, not {history.shape}")
        return x, x.with_shape(history.shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, history = inputs
        frames = np.concatenate([history.astype(x.dtype, copy=False), x])
        at = np.arange(len(x))[:, None] + 1 + np.arange(self.frames)
        return frames[: len(x)], frames[at]

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """Join history and frame, then cut."""
        x, history = inputs
        shape = builder.graph.values[x].shape
        axis = -1 - len(shape)
        frame = builder.add1(Reshape((1, *shape)), [x], f"{x}_frame")
        frames = builder.add1(Concat(axis), [history, frame], f"{x}_frames")
        first = builder.add1(Slice(axis, 0, 1), [frames], f"{x}_delayed")
        after = builder.add1(Slice(axis, 1, self.frames + 1), [frames], f"{x}_history")
        return builder.add1(Reshape(shape), [first], f"{x}_delayed"), after


@dataclass(frozen=True)
class Subsample(Op):
    """Frame t of the result is x[stride t + phase]. An op of sequence graphs."""

    stride: int
    phase: int

    kind: ClassVar[str] = "subsample"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(0 <= self.phase < self.stride, f"phase {self.phase} of a stride of {self.stride}")
        return (slower(inputs[0], self.stride),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0][self.phase :: self.stride],)
