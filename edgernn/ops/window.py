"""The last frames, side by side: what convolution, pooling and delays over time are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.shape import Concat, Reshape, Slice

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True)
class Window(Op):
    """Frame t of the result is x[t - (size - 1) dilation], ..., x[t - dilation], x[t], oldest first.

    Operands: x (*shape), history (span, *shape): the frames before x, oldest first, span = (size - 1) dilation.
    Results: (size, *shape), and the next history.
    """

    size: int
    dilation: int = 1

    kind: ClassVar[str] = "window"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 1),)

    @property
    def span(self) -> int:
        """Frames before the current one that are remembered."""
        return (self.size - 1) * self.dilation

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"window has 2 operands, not {len(inputs)}")
        expect(self.size > 1 and self.dilation > 0, f"a window of {self.size} frames, dilation {self.dilation}")
        x, history = inputs
        expect(history.shape == (self.span, *x.shape), f"history must be {(self.span, *x.shape)}, not {history.shape}")
        return x.with_shape((self.size, *x.shape)), x.with_shape(history.shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, history = inputs
        frames = np.concatenate([history.astype(x.dtype, copy=False), x])
        at = np.arange(len(x))[:, None]
        return frames[at + np.arange(0, self.span + 1, self.dilation)], frames[at + 1 + np.arange(self.span)]

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """Join history and frame, then cut."""
        x, history = inputs
        shape = builder.graph.values[x].shape
        axis = -1 - len(shape)
        frame = builder.add1(Reshape((1, *shape)), [x], f"{x}_frame")
        frames = builder.add1(Concat(axis), [history, frame], f"{x}_frames")
        window = builder.add1(Slice(axis, 0, self.span + 1, self.dilation), [frames], f"{x}_window")
        return window, builder.add1(Slice(axis, 1, self.span + 1), [frames], f"{x}_history")
