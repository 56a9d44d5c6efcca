"""Frames side by side as one: views that join frames, and windows along time."""

from __future__ import annotations

import math
from dataclasses import replace

from edgernn.capture.context import Context, number, plain_dims, refuse, stream_arg
from edgernn.capture.rules.timing import Taps, filled, windows
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of
from edgernn.ops import Transpose


def frames_before(dims: tuple[int | None, ...]) -> int:
    return math.prod(n for n in dims[: dims.index(None)] if n is not None)


def show_dims(dims: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("T" if n is None else str(n) for n in dims) + "]"


def stacked_frames(ctx: Context, call: Call, x: Stream, dims: tuple[int | None, ...]) -> Stream:
    """``x.view(1, T // 3, 3 * features)``: frames side by side."""
    stride, rest = divmod(call.rates[0], x.rate)
    if rest or stride < 2 or frames_before(x.dims) != frames_before(dims) or call.extra[0] * stride != x.extra:
        refuse(call, f"it mixes time with other axes ({show_dims(x.dims)} to {show_dims(dims)})",
               "move the axis of time with transpose or permute, not with view")  # fmt: skip
    time = x.time or 0
    y = windows(ctx, call, filled(ctx, call, x), Taps(stride, 1, stride))
    rank = len(x.dims)
    order = [*range(1, time + 1), 0, *range(time + 1, rank)]
    value = ctx.add(Transpose(tuple(k - rank for k in order)), [y.value], call)
    return replace(y, value=ctx.reshaped(value, frame_of(dims), call), dims=dims)


def unfold(ctx: Context, call: Call) -> Tracked:
    """``x.unfold(time, size, step)``: windows of frames, as a last axis."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    size, step = (int(number(call, a, "size")) for a in call.args[2:4])
    y = windows(ctx, call, filled(ctx, call, x), Taps(size, 1, step))
    rank = len(x.dims)
    value = ctx.add(Transpose((*(k - rank for k in range(1, rank)), -rank)), [y.value], call)
    return replace(y, value=value, dims=plain_dims(call))
