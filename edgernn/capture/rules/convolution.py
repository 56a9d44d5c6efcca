"""Convolution over the axes of a frame, over time, and over both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgernn.capture.context import Context, fixed_array, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.shape import padded_axis
from edgernn.capture.rules.timing import Taps, common_lag, filled, padded, settled, windows
from edgernn.capture.rules.transposed import transposed
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of, timed
from edgernn.ops import Conv, Transpose


def convolution(axes: int) -> Rule:
    """The rule of ``conv1d``, ``conv2d`` and ``conv3d``, whose ``padding`` may be a name."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        if len(x.dims) != axes + 2:
            refuse(call, f"a convolution over {axes} axes of a tensor of {len(x.dims)}", "give it a batch axis")
        weight = fixed_array(call, ctx.resolve(call.args[1]), "kernel")
        given = ctx.resolve(call.args[2]) if len(call.args) > 2 else None
        bias = np.zeros(len(weight), np.float32) if given is None else fixed_array(call, given, "bias")
        stride, dilation = (_numbers(call, call.option(name), axes) for name in ("stride", "dilation"))
        padding = _padding(call, axes, weight, dilation)
        layer = _Layer(weight, bias, stride, dilation, padding, int(call.option("groups") or 1))
        return _convolved(ctx, call, x, layer)

    return rule


def general(ctx: Context, call: Call) -> Tracked:
    """``aten.convolution``, to which the above decompose."""
    if call.option("transposed"):
        return transposed(len(call.args[3]))(ctx, call)
    return convolution(len(call.args[3]))(ctx, call)


class _Layer:
    """The parameters of a convolution; ``padding`` is (before, after) for each axis."""

    def __init__(self, weight: Any, bias: Any, stride: Any, dilation: Any, padding: Any, groups: int) -> None:
        self.weight, self.bias, self.groups = weight, bias, groups
        self.stride: list[int] = stride
        self.dilation: list[int] = dilation
        self.padding: list[tuple[int, int]] = padding


def _numbers(call: Call, value: Any, axes: int) -> list[int]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(v, int) for v in listed):
        refuse(call, "stride, padding and dilation must be numbers that do not depend on the sequence")
    return [int(v) for v in listed] if len(listed) == axes else [int(listed[0])] * axes


def _padding(call: Call, axes: int, weight: Any, dilation: Sequence[int]) -> list[tuple[int, int]]:
    given = call.option("padding")
    if given == "valid":
        return [(0, 0)] * axes
    if given == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(n, n) for n in _numbers(call, given, axes)]


def _convolved(ctx: Context, call: Call, x: Stream, layer: _Layer) -> Stream:
    axes = len(layer.stride)
    if x.time == 1:
        refuse(call, "its channels are time: every frame is combined with every other", "transpose time and features")
    over_time = x.time is not None and x.time > 1
    for k, (before, after) in enumerate(layer.padding):
        if (before or after) and x.time != k + 2:
            x = padded_axis(ctx, call, x, k + 2, before, after, 0.0)
    if not over_time:
        x = settled(ctx, call, x, common_lag([x]))
        names = [x.value, *_constants(ctx, call, layer)]
        y = ctx.add(Conv(tuple(layer.stride), tuple(layer.dilation), layer.groups), names, call)
        return timed(ctx.reshaped(y, frame_of(plain_dims(call)), call), plain_dims(call), x.lag, x.extra, x.rate)
    return _over_time(ctx, call, x, layer, (x.time or 0) - 2, axes)


def _over_time(ctx: Context, call: Call, x: Stream, layer: _Layer, axis: int, axes: int) -> Stream:
    """The taps of time become an axis of the frame, which the kernel covers."""
    taps = Taps(layer.weight.shape[axis + 2], layer.dilation[axis], layer.stride[axis])
    x = filled(ctx, call, padded(ctx, call, x, *layer.padding[axis], 0.0))
    taken = windows(ctx, call, x, taps)
    rank = axes + 2
    order = [*range(1, axis + 3), 0, *range(axis + 3, rank)]
    value = ctx.add(Transpose(tuple(k - rank for k in order)), [taken.value], call)
    strides, dilations = ([1 if k == axis else d for k, d in enumerate(n)] for n in (layer.stride, layer.dilation))
    y = ctx.add(Conv(tuple(strides), tuple(dilations), layer.groups), [value, *_constants(ctx, call, layer)], call)
    dims = plain_dims(call)
    return timed(ctx.reshaped(y, frame_of(dims), call), dims, taken.lag, taken.extra, taken.rate)


def _constants(ctx: Context, call: Call, layer: _Layer) -> list[str]:
    hint = call.path or call.name
    return [ctx.builder.constant(layer.weight, f"{hint}_weight"), ctx.builder.constant(layer.bias, f"{hint}_bias")]


RULES: dict[str, Rule] = {
    **{f"aten.conv{n}d.{overload}": convolution(n) for n in (1, 2, 3) for overload in ("default", "padding")},
    "aten.convolution.default": general,
}
