"""Ops that move elements without computing: reshape, transpose, expand, slice, concat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements, in order, in frames of ``shape``."""

    shape: tuple[int, ...]

    kind: ClassVar[str] = "reshape"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        fits = all(n > 0 for n in self.shape) and x.size == math.prod(self.shape)
        expect(fits, f"reshape of {x.shape} to {self.shape}")
        return (x.with_shape(self.shape),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (x.reshape(len(x), *self.shape),)


@dataclass(frozen=True)
class Transpose(Op):
    """Axis k of the result is axis ``axes[k]`` of the operand; axes are negative, one for each axis of a frame."""

    axes: tuple[int, ...]

    kind: ClassVar[str] = "transpose"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        rank = len(x.shape)
        expect(sorted(self.axes) == list(range(-rank, 0)), f"{self.axes} is no permutation of the axes of {x.shape}")
        return (x.with_shape(tuple(x.shape[a] for a in self.axes)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        lead = x.ndim - len(self.axes)
        return (x.transpose(*range(lead), *(x.ndim + a for a in self.axes)),)


@dataclass(frozen=True)
class Expand(Op):
    """Repeats axes of length 1 and adds leading axes until a frame has ``shape``."""

    shape: tuple[int, ...]

    kind: ClassVar[str] = "expand"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(np.broadcast_shapes(x.shape, self.shape) == self.shape, f"{x.shape} cannot be expanded to {self.shape}")
        return (x.with_shape(self.shape),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        padded = x.reshape(len(x), *([1] * (len(self.shape) + 1 - x.ndim)), *x.shape[1:])
        return (np.broadcast_to(padded, (len(x), *self.shape)),)


@dataclass(frozen=True)
class Slice(Op):
    """Entries ``start``, ``start + step``, ... below ``stop`` along ``axis`` (negative); all are in range."""

    axis: int
    start: int
    stop: int
    step: int = 1

    kind: ClassVar[str] = "slice"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(-len(x.shape) <= self.axis < 0, f"axis {self.axis} of {x.shape}")
        size = x.shape[self.axis]
        expect(0 <= self.start < self.stop <= size and self.step > 0, f"slice {self} of an axis of {size}")
        shape = list(x.shape)
        shape[self.axis] = len(range(self.start, self.stop, self.step))
        return (x.with_shape(tuple(shape)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        index = [slice(None)] * x.ndim
        index[self.axis] = slice(self.start, self.stop, self.step)
        return (x[tuple(index)],)


@dataclass(frozen=True)
class Concat(Op):
    """Operands one after the other along ``axis`` (negative)."""

    axis: int

    kind: ClassVar[str] = "concat"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) >= 1, "concat needs operands")
        shapes = [x.shape for x in inputs]
        expect(len({len(s) for s in shapes}) == 1, f"concat of {shapes}")
        expect(-len(shapes[0]) <= self.axis < 0, f"axis {self.axis} of {shapes[0]}")
        rest = {tuple(n for k, n in enumerate(s) if k != len(s) + self.axis) for s in shapes}
        expect(len(rest) == 1, f"concat of {shapes} along axis {self.axis}")
        expect(len({x.dtype for x in inputs}) == 1, "concat of different dtypes")
        shape = list(shapes[0])
        shape[self.axis] = sum(s[self.axis] for s in shapes)
        return (ValueType(inputs[0].dtype, tuple(shape), join_streams(list(inputs))),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        rank = max(a.ndim for a in inputs)
        frames = max((len(a) for a in inputs if a.ndim == rank), default=1)
        blocks = [self._for_each(a, rank, frames) for a in inputs]
        return (np.concatenate(blocks, axis=self.axis),)

    def _for_each(self, a: Array, rank: int, frames: int) -> Array:
        """What is the same for all frames of a block, constants and values of a whole sequence, once for each."""
        if a.ndim < rank:
            return np.broadcast_to(a, (frames, *a.shape))
        once = rank > 0 and self.axis != -rank and len(a) == 1
        return np.broadcast_to(a, (frames, *a.shape[1:])) if once else a
