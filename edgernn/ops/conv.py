"""Convolution over axes of a frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType
from edgernn.ops.binary import Binary
from edgernn.ops.linear import Linear
from edgernn.ops.reduce import Reduce
from edgernn.ops.shape import Concat, Reshape, Slice, Transpose

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True)
class Conv(Op):
    """``torch.nn.functional.conv1d/2d/3d`` without padding, over the last n = len(stride) axes of a frame.

    Operands: x (..., C, S1, ..., Sn), constant w (O, C / groups, K1, ..., Kn), constant b (O).
    Result: (..., O, P1, ..., Pn), P = (S - dilation (K - 1) - 1) // stride + 1.
    """

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    kind: ClassVar[str] = "conv"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"conv has 3 operands, not {len(inputs)}")
        x, w, b = inputs
        expect_constants(w, b)
        n = len(self.stride)
        expect(len(x.shape) > n and len(w.shape) == n + 2, f"conv over {n} axes of {x.shape} with {w.shape}")
        channels = x.shape[-n - 1]
        fits = channels == w.shape[1] * self.groups and w.shape[0] % self.groups == 0 and b.shape == w.shape[:1]
        expect(fits, f"weight {w.shape}, bias {b.shape} do not fit {channels} channels in {self.groups} groups")
        sizes = self.positions(x.shape, w.shape)
        expect(min(sizes) > 0, f"kernel {w.shape[2:]} is larger than {x.shape[-n:]}")
        return (ValueType(x.dtype, (*x.shape[: -n - 1], w.shape[0], *sizes), x.stream),)

    def positions(self, x: tuple[int, ...], w: tuple[int, ...]) -> tuple[int, ...]:
        """Sizes of the result along the convolved axes."""
        rows = zip(x[-len(self.stride) :], w[2:], self.stride, self.dilation, strict=True)
        return tuple((size - dilation * (kernel - 1) - 1) // stride + 1 for size, kernel, stride, dilation in rows)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, b = inputs
        n, groups = len(self.stride), self.groups
        sizes = self.positions(x.shape, w.shape)
        lead = x.shape[: -n - 1]
        x = x.reshape(*lead, groups, w.shape[1], *x.shape[-n:])
        grouped = w.reshape(groups, -1, *w.shape[1:])
        total = np.zeros((*lead, groups, grouped.shape[1], *sizes), x.dtype)
        for offset in itertools.product(*(range(k) for k in w.shape[2:])):
            at: tuple[Any, ...] = (..., *self._at(offset, sizes))
            part = x[at].reshape(*lead, groups, w.shape[1], -1)
            entry: tuple[Any, ...] = (slice(None), slice(None), slice(None), *offset)
            product = grouped[entry] @ part
            total += product.reshape(total.shape)
        return (total.reshape(*lead, w.shape[0], *sizes) + b.reshape(-1, *[1] * n),)

    def _at(self, offset: Sequence[int], sizes: Sequence[int]) -> tuple[slice, ...]:
        """What one entry of the kernel meets."""
        rows = zip(offset, sizes, self.stride, self.dilation, strict=True)
        return tuple(slice(o * d, o * d + (size - 1) * s + 1, s) for o, size, s, d in rows)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """One linear layer over the patches; by groups where there are some."""
        weight = builder.graph.constants[inputs[1]]
        if self.groups == 1:
            return (_Patches(self, builder, inputs).product(),)
        if weight.shape[:2] == (self.groups, 1):
            return (_Patches(self, builder, inputs).depthwise(),)
        return (self._by_groups(builder, inputs, weight),)

    def _by_groups(self, builder: Builder, inputs: Sequence[str], weight: Array) -> str:
        x, _, bias = inputs
        axis, whole = -len(self.stride) - 1, Conv(self.stride, self.dilation)
        biases = builder.graph.constants[bias]
        rows, columns = weight.shape[0] // self.groups, weight.shape[1]
        parts = []
        for g in range(self.groups):
            mine = slice(g * rows, (g + 1) * rows)
            operands = [
                builder.add1(Slice(axis, g * columns, (g + 1) * columns), [x], f"{x}_group"),
                builder.constant(weight[mine], inputs[1]),
                builder.constant(biases[mine], bias),
            ]
            parts.append(builder.add1(whole, operands, f"{x}_group"))
        return builder.add1(Concat(axis), parts, f"{x}_groups")


class _Patches:
    """The decomposition of one convolution.

    Axes that the kernel covers whole (taps of time among them) stay as they are; along the others, ``slid``, the
    frame is cut once for each entry of the kernel.
    """

    def __init__(self, op: Conv, builder: Builder, inputs: Sequence[str]) -> None:
        self.op, self.builder, self.x = op, builder, inputs[0]
        self.weight, self.bias = (builder.graph.constants[name] for name in inputs[1:])
        self.shape = builder.graph.values[self.x].shape
        self.n = len(op.stride)
        self.sizes = op.positions(self.shape, self.weight.shape)
        kernel = self.weight.shape[2:]
        self.slid = [k for k in range(self.n) if kernel[k] != self.shape[k - self.n]]
        self.whole = [k for k in range(self.n) if k not in self.slid]
        self.lead = self.shape[: -self.n - 1]

    def offsets(self) -> list[dict[int, int]]:
        """Entries of the kernel, along the axes that are slid."""
        kernel = self.weight.shape[2:]
        return [dict(zip(self.slid, o, strict=True)) for o in itertools.product(*(range(kernel[k]) for k in self.slid))]

    def part(self, offset: dict[int, int]) -> str:
        """What these entries of the kernel meet."""
        value = self.x
        for k, at in offset.items():
            start, stride = at * self.op.dilation[k], self.op.stride[k]
            cut = Slice(k - self.n, start, start + (self.sizes[k] - 1) * stride + 1, stride)
            value = self.builder.add1(cut, [value], f"{self.x}_part")
        return value

    def product(self) -> str:
        """One linear layer over patches, gathered in the fewer parts: by position, or by entry of the kernel."""
        positions = math.prod(self.sizes[k] for k in self.slid)
        solid = all(self.op.dilation[k] == 1 for k in self.slid)
        return self.by_position() if solid and positions <= len(self.offsets()) else self.linear()

    def by_position(self) -> str:
        """Patches (..., positions, C K1 ... Kn), each cut out as a whole, times the matrix of the weights."""
        kernel = self.weight.shape[2:]
        patches = []
        for at in itertools.product(*(range(n) for n in self.sizes)):
            value = self.x
            for k in self.slid:
                start = at[k] * self.op.stride[k]
                value = self.builder.add1(Slice(k - self.n, start, start + kernel[k]), [value], f"{self.x}_patch")
            row = Reshape((*self.lead, 1, math.prod(self.weight.shape[1:])))
            patches.append(self.builder.add1(row, [value], f"{self.x}_patch"))
        value = self.builder.add1(Concat(-2), patches, f"{self.x}_patches") if len(patches) > 1 else patches[0]
        rows = self.weight.reshape(len(self.weight), -1)
        operands = [value, self.builder.constant(rows, "kernel"), self.builder.constant(self.bias, "bias")]
        value = self.builder.add1(Linear(), operands, f"{self.x}_conv")
        kept = len(self.lead)
        value = self._transposed(value, [*range(kept), kept + 1, kept])
        return self.builder.add1(Reshape((*self.lead, len(rows), *self.sizes)), [value], f"{self.x}_conv")

    def linear(self) -> str:
        """Patches (..., positions, offsets, C, whole axes) times the matrix of the weights."""
        offsets = self.offsets()
        parts = [self.part(o) for o in offsets]
        value = self.builder.add1(Concat(-self.n - 1), parts, f"{self.x}_parts") if len(parts) > 1 else parts[0]
        kept = len(self.lead)
        axes = [*range(kept), *(kept + 1 + k for k in self.slid), kept, *(kept + 1 + k for k in self.whole)]
        value = self._transposed(value, axes)
        positions = tuple(self.sizes[k] for k in self.slid)
        order = [0, *(2 + k for k in self.slid), 1, *(2 + k for k in self.whole)]
        rows = np.ascontiguousarray(self.weight.transpose(order)).reshape(len(self.weight), -1)
        value = self.builder.add1(Reshape((*self.lead, *positions, rows.shape[1])), [value], f"{self.x}_patches")
        operands = [value, self.builder.constant(rows, "kernel"), self.builder.constant(self.bias, "bias")]
        value = self.builder.add1(Linear(), operands, f"{self.x}_conv")
        last = kept + len(positions)
        value = self._transposed(value, [*range(kept), last, *range(kept, last)])
        return self.builder.add1(Reshape((*self.lead, len(rows), *self.sizes)), [value], f"{self.x}_conv")

    def depthwise(self) -> str:
        """Entry by entry: the sum of products with the weights of each channel."""
        total = ""
        for offset in self.offsets():
            at = tuple(slice(offset[k], offset[k] + 1) if k in offset else slice(None) for k in range(self.n))
            factor = self.builder.constant(np.ascontiguousarray(self.weight[:, 0][(slice(None), *at)]), "kernel")
            product = self.builder.add1(Binary("mul"), [self.part(offset), factor], f"{self.x}_product")
            total = self.builder.add1(Binary("add"), [total, product], f"{self.x}_sum") if total else product
        covered = tuple(k - self.n for k in self.whole if self.weight.shape[2 + k] > 1)
        if covered:
            total = self.builder.add1(Reduce("sum", covered, True), [total], f"{self.x}_sum")
        bias = self.builder.constant(self.bias.reshape(-1, *[1] * self.n), "bias")
        return self.builder.add1(Binary("add"), [total, bias], f"{self.x}_conv")

    def _transposed(self, value: str, axes: Sequence[int]) -> str:
        rank = len(axes)
        if list(axes) == list(range(rank)):
            return value
        return self.builder.add1(Transpose(tuple(a - rank for a in axes)), [value], f"{self.x}_moved")
