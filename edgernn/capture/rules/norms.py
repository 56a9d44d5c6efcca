"""Normalisations."""

from __future__ import annotations

import numpy as np
import torch

from edgernn.capture.context import (
    Context,
    fixed_array,
    number,
    plain_dims,
    refuse,
    several,
    stream_arg,
)
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.reductions import OVER_TIME_REMEDY
from edgernn.capture.traced import Call
from edgernn.capture.values import Constant, Stream, Tracked
from edgernn.ir.op import Array
from edgernn.ops import Binary, LayerNorm, Reduce, Unary


def layer_norm(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    shape = tuple(call.args[1])
    if x.time is not None and x.time >= len(x.dims) - len(shape):
        refuse(call, "it normalises over time", OVER_TIME_REMEDY)
    gamma, beta = (_optional(ctx, call, k, shape, fill) for k, fill in ((2, 1.0), (3, 0.0)))
    eps = number(call, call.option("eps"), "eps")
    return _normalised(ctx, call, x, len(shape), gamma, beta, eps)


def _normalised(ctx: Context, call: Call, x: Stream, axes: int, gamma: Array, beta: Array, eps: float) -> Stream:
    """Layer normalisation over the last ``axes`` axes together."""
    lead = x.frame[: len(x.frame) - axes]
    flat = ctx.reshaped(x.value, (*lead, gamma.size), call)
    hint = call.path or call.name
    names = [ctx.builder.constant(a.reshape(-1), f"{hint}_{n}") for a, n in ((gamma, "gamma"), (beta, "beta"))]
    y = ctx.add(LayerNorm(eps), [flat, *names], call)
    return Stream(ctx.reshaped(y, x.frame, call), x.dims)


def _optional(ctx: Context, call: Call, position: int, shape: tuple[int, ...], fill: float) -> Array:
    value = ctx.resolve(call.args[position]) if len(call.args) > position else None
    return np.full(shape, fill, np.float32) if value is None else fixed_array(call, value, "scale and shift")


def rms_norm(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    shape = tuple(call.args[1])
    if len(shape) != 1:
        refuse(call, "rms_norm over several axes", "normalise over the last axis")
    frame_axis(call, x, -1)
    gamma = _optional(ctx, call, 2, shape, 1.0)
    given = call.args[3] if len(call.args) > 3 else None
    eps = float(np.finfo(np.float32).eps) if given is None else number(call, given, "eps")
    square = ctx.add(Unary("square"), [x.value], call)
    mean = ctx.add(Reduce("mean", (-1,), True), [square], call)
    scale = ctx.add(Unary("rsqrt"), [ctx.add(Binary("add"), [mean, ctx.builder.scalar(eps)], call)], call)
    y = ctx.add(Binary("mul"), [x.value, scale], call)
    return ctx.stream(Binary("mul"), [y, ctx.builder.constant(gamma)], call)


def batch_norm(ctx: Context, call: Call) -> Tracked:
    """``aten.batch_norm``: operand 5 says whether statistics come from the batch."""
    if call.args[3] is None or call.args[5]:
        refuse(call, "it normalises with the statistics of the batch", "train it with track_running_stats=True")
    return _batch_norm(ctx, call, call.args[7])


def native_batch_norm(ctx: Context, call: Call) -> Tracked:
    return several(_batch_norm(ctx, call, call.args[6]))


def _batch_norm(ctx: Context, call: Call, eps: float) -> Stream:
    """A scale and a shift of each channel (axis 1)."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    mean, variance = (fixed_array(call, ctx.resolve(call.args[k]), "statistics") for k in (3, 4))
    gamma, beta = (_optional(ctx, call, k, mean.shape, fill) for k, fill in ((1, 1.0), (2, 0.0)))
    scale = gamma / np.sqrt(variance + np.float32(eps))
    shape = [1] * len(x.dims)
    if x.time == 1:
        refuse(call, "its channels (axis 1) are time", "transpose the input so that channels are axis 1")
    shape[1] = scale.size
    factor, shift = (_constant(a.reshape(shape)) for a in (scale, beta - mean * scale))
    value, scale_name, shift_name = ctx.operands(call, [x, factor, shift], plain_dims(call))
    scaled = ctx.add(Binary("mul"), [value, scale_name], call)
    return ctx.stream(Binary("add"), [scaled, shift_name], call)


def _constant(array: Array) -> Constant:
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    return Constant(tensor, tensor)


def batch_statistics(ctx: Context, call: Call) -> Tracked:
    refuse(call, "it normalises with the statistics of the batch", "train it with track_running_stats=True")


def group_norm(ctx: Context, call: Call) -> Tracked:
    """Groups of channels of tensors [N, C, ...], each normalised together with the axes after C."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    groups = int(number(call, call.args[1], "number of groups"))
    if x.time is not None and x.time > 0:
        refuse(call, "it normalises over time", "use LayerNorm, or apply it to [batch * time, channels]")
    channels, rest = x.dims[1] or 1, [n or 1 for n in x.dims[2:]]
    gamma, beta = (_optional(ctx, call, k, (channels,), fill) for k, fill in ((2, 1.0), (3, 0.0)))
    eps = number(call, call.args[4] if len(call.args) > 4 else 1e-5, "eps")
    lead = x.frame[: len(x.frame) - 1 - len(rest)]
    size = channels // groups * int(np.prod(rest))
    grouped = Stream(ctx.reshaped(x.value, (*lead, groups, size), call), (*x.dims[:1], groups, size))
    ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
    y = ctx.reshaped(_normalised(ctx, call, grouped, 1, ones, zeros, eps).value, x.frame, call)
    shape = (channels, *[1] * len(rest))
    scaled = ctx.add(Binary("mul"), [y, ctx.builder.constant(gamma.reshape(shape))], call)
    return ctx.stream(Binary("add"), [scaled, ctx.builder.constant(beta.reshape(shape))], call)


RULES: dict[str, Rule] = {
    "aten.layer_norm.default": layer_norm,
    "aten.rms_norm.default": rms_norm,
    "aten.batch_norm.default": batch_norm,
    "aten._native_batch_norm_legit_no_training.default": native_batch_norm,
    "aten._native_batch_norm_legit.no_stats": batch_statistics,
    "aten._native_batch_norm_legit.default": batch_statistics,
    "aten.group_norm.default": group_norm,
}
