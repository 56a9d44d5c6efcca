"""Patches of frames: ``Tensor.unfold`` and ``torch.nn.functional.unfold``."""

from __future__ import annotations

import itertools

from edgernn.capture.context import Context, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.framing import unfold
from edgernn.capture.rules.shape import padded_axis
from edgernn.capture.rules.timing import common_lag, settled
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of, timed
from edgernn.ops import Concat, Reshape, Slice


def windows(ctx: Context, call: Call) -> Tracked:
    """``Tensor.unfold``: windows along an axis of a frame, their entries on a new last axis."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    size, step = int(call.args[2]), int(call.args[3])
    if int(call.args[1]) % len(x.dims) == x.time:
        return unfold(ctx, call)
    axis = frame_axis(call, x, call.args[1])
    x = settled(ctx, call, x, common_lag([x]))
    count = (x.frame[axis] - size) // step + 1
    parts = []
    for k in range(size):
        part = ctx.add(Slice(axis, k, k + (count - 1) * step + 1, step), [x.value], call)
        parts.append(ctx.add(Reshape((*ctx.builder.graph.values[part].shape, 1)), [part], call))
    value = ctx.add(Concat(-1), parts, call) if size > 1 else parts[0]
    return _result(ctx, call, value, x)


def patches(ctx: Context, call: Call) -> Tracked:
    """``im2col``: patches of pictures (N, C, H, W) as columns (N, C KH KW, positions)."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    if len(x.dims) != 4 or (x.time is not None and x.time > 0):
        refuse(call, "patches over time, or of a tensor without a batch axis", "give it frames as (N, C, H, W)")
    kernel, dilation, padding, stride = ([int(v) for v in call.args[k]] for k in (1, 2, 3, 4))
    for k, width in enumerate(padding):
        if width:
            x = padded_axis(ctx, call, x, k + 2, width, width, 0.0)
    x = settled(ctx, call, x, common_lag([x]))
    counts = [(x.frame[k - 2] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1 for k in (0, 1)]
    lead, parts = x.frame[:-2], []
    for offset in itertools.product(range(kernel[0]), range(kernel[1])):
        part = x.value
        for k in (0, 1):
            start = offset[k] * dilation[k]
            part = ctx.add(Slice(k - 2, start, start + (counts[k] - 1) * stride[k] + 1, stride[k]), [part], call)
        parts.append(ctx.add(Reshape((*lead, 1, counts[0] * counts[1])), [part], call))
    value = ctx.add(Concat(-2), parts, call) if len(parts) > 1 else parts[0]
    return _result(ctx, call, value, x)


def _result(ctx: Context, call: Call, value: str, x: Stream) -> Stream:
    dims = plain_dims(call)
    return timed(ctx.reshaped(value, frame_of(dims), call), dims, x.lag, x.extra, x.rate)


RULES: dict[str, Rule] = {"aten.unfold.default": windows, "aten.im2col.default": patches}
