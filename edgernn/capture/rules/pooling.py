"""Pooling over windows: of the axes of a frame, and over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgernn.capture.context import Context, plain_dims, refuse, several, stream_arg
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.reductions import reduced
from edgernn.capture.rules.shape import padded_axis
from edgernn.capture.rules.timing import Taps, common_lag, filled, padded, settled, windows
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of, timed
from edgernn.ops import Binary, Concat, Reduce, Slice
from edgernn.ops.running import LOWEST


def pooling(function: str, axes: int, with_indices: bool = False) -> Rule:
    """The rule of ``max_pool`` and ``avg_pool`` over the last axes of a tensor."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        kernel = _numbers(call, call.option("kernel_size"), axes)
        stride = _numbers(call, call.option("stride") or kernel, axes)
        padding, dilation = (_numbers(call, call.option(n) or 0, axes) for n in ("padding", "dilation"))
        if call.option("ceil_mode") or call.option("divisor_override"):
            refuse(call, "ceil_mode and divisor_override", "pad, so that windows fill the axis")
        if function == "mean" and any(padding) and call.option("count_include_pad") is False:
            refuse(call, "an average that does not count the padding", "set count_include_pad=True")
        for k in range(axes):
            axis = len(x.dims) - axes + k
            shift = _Shift(kernel[k], stride[k], padding[k], max(dilation[k], 1))
            x = _pooled(ctx, call, x, axis, function, shift)
        plain_dims(call)
        return several(x) if with_indices else x

    return rule


def _numbers(call: Call, value: Any, axes: int) -> list[int]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(v, int) for v in listed):
        refuse(call, "its window depends on the length of the sequence")
    return [int(v) for v in listed] if len(listed) == axes else [int(listed[0])] * axes


class _Shift:
    """The windows along one axis."""

    def __init__(self, size: int, stride: int, padding: int, dilation: int) -> None:
        self.size, self.stride, self.padding, self.dilation = size, stride, padding, dilation
        self.span = (size - 1) * dilation


def _pooled(ctx: Context, call: Call, x: Stream, axis: int, function: str, shift: _Shift) -> Stream:
    if axis == x.time:
        return _over_time(ctx, call, x, function, shift)
    fill = LOWEST if function == "max" else 0.0
    x = settled(ctx, call, x, common_lag([x]))
    if shift.padding:
        x = padded_axis(ctx, call, x, axis, shift.padding, shift.padding, fill)
    position, size = x.axis(axis), x.dims[axis] or 1
    count = (size - shift.span - 1) // shift.stride + 1
    total = ""
    for k in range(shift.size):
        start = k * shift.dilation
        cut = Slice(position, start, start + (count - 1) * shift.stride + 1, shift.stride)
        part = ctx.add(cut, [x.value], call)
        joined = "maximum" if function == "max" else "add"
        total = ctx.add(Binary(joined), [total, part], call) if total else part
    if function == "mean":
        total = ctx.add(Binary("mul"), [total, ctx.builder.scalar(1 / shift.size)], call)
    return timed(total, (*x.dims[:axis], count, *x.dims[axis + 1 :]), x.lag, x.extra, x.rate)


def _over_time(ctx: Context, call: Call, x: Stream, function: str, shift: _Shift) -> Stream:
    fill = LOWEST if shift.padding and function == "max" else 0.0
    if fill:
        x = settled(ctx, call, x, common_lag([x]))
        x = replace(x, first=x.bounds[0], last=x.bounds[1], zero=False)
    x = filled(ctx, call, padded(ctx, call, x, shift.padding, shift.padding, 0.0), fill)
    late = x.lag - shift.span
    if late > 0 and fill:
        refuse(call, f"its windows end {late} frames before the current one", "pad by less than the window")
    taken = windows(ctx, call, x, Taps(shift.size, shift.dilation, shift.stride), fill)
    rank = len(ctx.builder.graph.values[taken.value].shape)
    return replace(taken, value=ctx.add(Reduce(function, (-rank,)), [taken.value], call))


def adaptive(function: str, axes: int, with_indices: bool = False) -> Rule:
    """The rule of ``adaptive_avg_pool`` and ``adaptive_max_pool``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        wanted = _numbers(call, call.option("output_size"), axes)
        for k, count in enumerate(wanted):
            axis = len(x.dims) - axes + k
            if axis == x.time and count != 1:
                refuse(call, f"the sequence is divided into {count} parts", "pool it to 1, the statistic of all frames")
            x = _bins(ctx, call, x, axis, function, count)
        dims = plain_dims(call)
        y = timed(ctx.reshaped(x.value, frame_of(dims), call), dims, x.lag, x.extra, x.rate)
        return several(y) if with_indices else y

    return rule


def _bins(ctx: Context, call: Call, x: Stream, axis: int, function: str, count: int) -> Stream:
    """Bin k of an axis of n entries holds entries floor(k n / count) to ceil((k + 1) n / count)."""
    if count == 1:
        return reduced(ctx, call, x, function, [axis], True)
    size, position = x.dims[axis] or 1, x.axis(axis)
    edges = [(k * size // count, -(-(k + 1) * size // count)) for k in range(count)]
    parts = [
        ctx.add(Reduce(function, (position,), True), [ctx.add(Slice(position, a, b), [x.value], call)], call)
        for a, b in edges
    ]
    dims = (*x.dims[:axis], count, *x.dims[axis + 1 :])
    return timed(ctx.add(Concat(position), parts, call), dims, x.lag, x.extra, x.rate)


DIMENSIONS = (1, 2, 3)
RULES: dict[str, Rule] = {
    **{f"aten.max_pool{n}d.default": pooling("max", n) for n in DIMENSIONS},
    **{f"aten.max_pool{n}d_with_indices.default": pooling("max", n, True) for n in DIMENSIONS},
    **{f"aten.avg_pool{n}d.default": pooling("mean", n) for n in DIMENSIONS},
}
ADAPTIVE: dict[str, Rule] = {
    **{f"aten.{prefix}adaptive_avg_pool{n}d.default": adaptive("mean", n) for n in DIMENSIONS for prefix in ("", "_")},
    **{f"aten.adaptive_max_pool{n}d.default": adaptive("max", n, True) for n in DIMENSIONS},
}
