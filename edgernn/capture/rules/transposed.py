"""Transposed convolution over the axes of a frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.capture.context import Context, fixed_array, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.shape import padded_axis
from edgernn.capture.rules.timing import common_lag, settled
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of, timed
from edgernn.ir.op import Array
from edgernn.ops import Conv, Reshape, Slice, Transpose


@dataclass(frozen=True)
class _Layer:
    """The parameters, by axis. ``weight`` is (C, O / groups, K1, ..., Kn), dilated already."""

    weight: Array
    bias: Array
    stride: list[int]
    padding: list[int]
    output_padding: list[int]
    groups: int

    @property
    def taps(self) -> list[int]:
        """Entries of the kernel that meet one position of the result, along each axis."""
        rows = zip(self.weight.shape[2:], self.output_padding, self.stride, strict=True)
        return [-(-(kernel + extra) // stride) for kernel, extra, stride in rows]

    def size(self, k: int, entries: int) -> int:
        """Of the result along axis k."""
        span = (entries - 1) * self.stride[k] + int(self.weight.shape[k + 2])
        return span - 2 * self.padding[k] + self.output_padding[k]

    def phases(self) -> Array:
        """Kernels of an ordinary convolution, (O s1 ... sn, C / groups, J1, ..., Jn): one for each place between two
        entries, in reading order.
        """
        channels, outputs, *kernel = self.weight.shape
        grouped = self.weight.reshape(self.groups, -1, outputs, *kernel)
        result = np.zeros((self.groups, outputs, *self.stride, grouped.shape[1], *self.taps), np.float32)
        for offset in itertools.product(*(range(k) for k in kernel)):
            place = tuple(o % s for o, s in zip(offset, self.stride, strict=True))
            tap = tuple(j - 1 - o // s for j, o, s in zip(self.taps, offset, self.stride, strict=True))
            entry: tuple[Any, ...] = (slice(None), slice(None), slice(None), *offset)
            target: tuple[Any, ...] = (slice(None), slice(None), *place, slice(None), *tap)
            result[target] = grouped[entry].swapaxes(1, 2)
        return result.reshape(-1, channels // self.groups, *self.taps)


def transposed(axes: int) -> Rule:
    """The rule of ``conv_transpose1d``, ``conv_transpose2d`` and ``conv_transpose3d``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        if len(x.dims) != axes + 2:
            refuse(call, f"a transposed convolution over {axes} axes of a tensor of {len(x.dims)}", "add a batch axis")
        if x.time is not None and x.time > 0:
            refuse(call, "a transposed convolution over time: it changes the rate of the frames, or their channels",
                   "upsample by repeating, then convolve; over features it converts")  # fmt: skip
        weight = _dilated(call, axes, fixed_array(call, ctx.resolve(call.args[1]), "kernel"))
        groups = int(call.option("groups") or 1)
        given = ctx.resolve(call.args[2]) if len(call.args) > 2 else None
        channels = weight.shape[1] * groups
        bias = np.zeros(channels, np.float32) if given is None else fixed_array(call, given, "bias")
        stride, padding, extra = (_numbers(call, name, axes) for name in ("stride", "padding", "output_padding"))
        return _spread(ctx, call, x, _Layer(weight, bias, stride, padding, extra, groups))

    return rule


def _numbers(call: Call, name: str, axes: int) -> list[int]:
    value = call.option(name)
    listed = [int(v) for v in (value if isinstance(value, list) else [value])]
    return listed if len(listed) == axes else [listed[0]] * axes


def _dilated(call: Call, axes: int, weight: Array) -> Array:
    """The kernel with zeros between its entries."""
    dilation = _numbers(call, "dilation", axes)
    sizes = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    result = np.zeros((*weight.shape[:2], *sizes), np.float32)
    result[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = weight
    return result


def _spread(ctx: Context, call: Call, x: Stream, layer: _Layer) -> Stream:
    """An ordinary convolution gives all places between two entries; they are put in order and cut."""
    entries = [int(n or 0) for n in x.dims[2:]]
    for k, taps in enumerate(layer.taps):
        if taps > 1:
            x = padded_axis(ctx, call, x, k + 2, taps - 1, taps - 1, 0.0)
    x = settled(ctx, call, x, common_lag([x]))
    hint, bias = call.path or call.name, np.repeat(layer.bias, int(np.prod(layer.stride)))
    constants = [ctx.builder.constant(layer.phases(), f"{hint}_weight"), ctx.builder.constant(bias, f"{hint}_bias")]
    ones = (1,) * len(entries)
    value = ctx.add(Conv(ones, ones, layer.groups), [x.value, *constants], call)
    value = _in_order(ctx, call, value, layer, [n + j - 1 for n, j in zip(entries, layer.taps, strict=True)])
    for k, count in enumerate(entries):
        start = layer.padding[k]
        value = ctx.add(Slice(k - len(entries), start, start + layer.size(k, count)), [value], call)
    dims = plain_dims(call)
    return timed(ctx.reshaped(value, frame_of(dims), call), dims, x.lag, x.extra, x.rate)


def _in_order(ctx: Context, call: Call, value: str, layer: _Layer, positions: Sequence[int]) -> str:
    """(..., O s1 ... sn, Q1, ..., Qn) -> (..., O, Q1 s1, ..., Qn sn), axis by axis: TFLite turns frames of 4 axes."""
    shape, outputs = ctx.builder.graph.values[value].shape, len(layer.bias)
    lead, sizes = shape[: -len(positions) - 1], [q * s for q, s in zip(positions, layer.stride, strict=True)]
    front = math.prod(lead) * outputs
    for k, (count, stride) in enumerate(zip(positions, layer.stride, strict=True)):
        between = math.prod(layer.stride[k + 1 :]) * math.prod(sizes[:k])
        behind = math.prod(positions[k + 1 :])
        value = _swapped(ctx, call, value, (front, stride, between, count * behind))
        value = _swapped(ctx, call, value, (front * between, stride, count, behind))
    return ctx.add(Reshape((*lead, outputs, *sizes)), [value], call)


def _swapped(ctx: Context, call: Call, value: str, shape: tuple[int, ...]) -> str:
    """``value`` as ``shape``, its second and third axis exchanged."""
    return ctx.add(Transpose((-4, -2, -3, -1)), [ctx.add(Reshape(shape), [value], call)], call)


RULES: dict[str, Rule] = {
    "aten.conv_transpose1d.default": transposed(1),
    "aten.conv_transpose2d.input": transposed(2),
    "aten.conv_transpose3d.input": transposed(3),
}
