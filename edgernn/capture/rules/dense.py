"""Matrix products, look-ups, normalisations, reductions, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgernn.capture.context import Context, fixed_array, number, plain_dims, refuse, several, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.shape import last_frame
from edgernn.capture.traced import LENGTHS, Call
from edgernn.capture.values import Constant, Stream, Tracked, frame_of
from edgernn.ir.op import Array, Op
from edgernn.ops import Binary, Embedding, LayerNorm, Linear, LogSoftmax, Matmul, Reduce, Reshape, Softmax, Unary

OVER_TIME = "it works over time, so it needs the whole sequence"
OVER_TIME_REMEDY = "take the last output ([:, -1] or h_n) instead of pooling, normalising or attending over time"


def linear(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    weight = fixed_array(call, ctx.resolve(call.args[1]), "weight")
    bias = ctx.resolve(call.args[2]) if len(call.args) > 2 else None
    return affine(ctx, call, x, weight, None if bias is None else fixed_array(call, bias, "bias"))


def affine(ctx: Context, call: Call, x: Stream, weight: Array, bias: Array | None) -> Stream:
    """x @ weight.T + bias along the last axis."""
    if x.time == len(x.dims) - 1:
        refuse(call, "it mixes the frames: the last axis of its input is time", "transpose so that features are last")
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    hint = call.path or call.name
    names = [ctx.builder.constant(weight, f"{hint}_weight"), ctx.builder.constant(bias.reshape(-1), f"{hint}_bias")]
    return ctx.stream(Linear(), [x.value, *names], call)


def addmm(ctx: Context, call: Call) -> Tracked:
    bias, x, weight = (ctx.resolve(a) for a in call.args[:3])
    if any(number(call, v, "scale") != 1 for v in call.kwargs.values()):
        refuse(call, "addmm with scales")
    matrix = fixed_array(call, weight, "weight").T
    return affine(ctx, call, stream_arg(call, x), matrix, fixed_array(call, bias, "bias"))


def matmul(ctx: Context, call: Call) -> Tracked:
    a, b = (ctx.resolve(v) for v in call.args[:2])
    if isinstance(a, Stream) and isinstance(b, Constant) and b.a.ndim == 2:
        return affine(ctx, call, a, fixed_array(call, b, "weight").T, None)
    if isinstance(a, Stream) and isinstance(b, Constant) and b.a.ndim == 1:
        y = ctx.add(Linear(), [a.value, ctx.builder.constant(fixed_array(call, b, "weight")[None]),
                               ctx.builder.constant(np.zeros(1, np.float32))], call)  # fmt: skip
        dims = plain_dims(call)
        return Stream(ctx.reshaped(y, frame_of(dims), call), dims)
    if isinstance(a, Constant) and isinstance(b, Stream) and a.a.ndim == 2:
        return _constant_left(ctx, call, a, b)
    return _frames_matmul(ctx, call, stream_arg(call, a), stream_arg(call, b))


def _constant_left(ctx: Context, call: Call, a: Constant, b: Stream) -> Tracked:
    if b.time is not None and b.time >= len(b.dims) - 2:
        refuse(call, OVER_TIME, OVER_TIME_REMEDY)
    return ctx.stream(Matmul(), [ctx.builder.constant(fixed_array(call, a, "weight")), b.value], call)


def _frames_matmul(ctx: Context, call: Call, a: Stream, b: Stream) -> Tracked:
    for operand in (a, b):
        if operand.time is not None and operand.time >= len(operand.dims) - 2:
            refuse(call, OVER_TIME, OVER_TIME_REMEDY)
    if len(a.dims) != len(b.dims) or a.time != b.time or ctx.is_final(a) != ctx.is_final(b):
        refuse(call, f"a product of tensors with axes {a.dims} and {b.dims}", "give both the same leading axes")
    return ctx.stream(Matmul(), [a.value, b.value], call)


def embedding(ctx: Context, call: Call) -> Tracked:
    table = fixed_array(call, ctx.resolve(call.args[0]), "table")
    return look_up(ctx, call, stream_arg(call, ctx.resolve(call.args[1])), table)


def look_up(ctx: Context, call: Call, indices: Stream, table: Array) -> Stream:
    """Rows of ``table``. Notes the range of the indices at the input port."""
    if not ctx.is_integer(indices):
        refuse(call, "its indices are not integers", "declare the input as --input int:1,T")
    name = ctx.builder.constant(table.astype(np.float32), f"{call.path or call.name}_table")
    return ctx.stream(Embedding(), [indices.value, name], call)


def one_hot(ctx: Context, call: Call) -> Tracked:
    indices = stream_arg(call, ctx.resolve(call.args[0]))
    classes = int(number(call, call.args[1] if len(call.args) > 1 else -1, "number of classes"))
    if classes < 1:
        refuse(call, "the number of classes is taken from the data", "give num_classes")
    return look_up(ctx, call, indices, np.eye(classes, dtype=np.float32))


def layer_norm(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    shape = tuple(call.args[1])
    gamma, beta = (_optional(ctx, call, k, shape, fill) for k, fill in ((2, 1.0), (3, 0.0)))
    eps = number(call, call.args[4] if len(call.args) > 4 else call.kwargs.get("eps", 1e-5), "eps")
    if x.time is not None and x.time >= len(x.dims) - len(shape):
        refuse(call, "it normalises over time", OVER_TIME_REMEDY)
    lead = x.frame[: len(x.frame) - len(shape)]
    flat = ctx.reshaped(x.value, (*lead, gamma.size), call)
    names = [ctx.builder.constant(a.reshape(-1), f"{call.path or call.name}_{n}") for a, n in ((gamma, "gamma"), (beta, "beta"))]
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
    """In evaluation mode: a scale and a shift of each channel (axis 1)."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    mean, variance = (fixed_array(call, ctx.resolve(call.args[k]), "statistics") for k in (3, 4))
    gamma, beta = (_optional(ctx, call, k, mean.shape, fill) for k, fill in ((1, 1.0), (2, 0.0)))
    scale = gamma / np.sqrt(variance + np.float32(call.args[6]))
    shape = [1] * len(x.dims)
    channels = 1 if len(x.dims) > 1 else 0
    if x.time == channels:
        refuse(call, "its channels (axis 1) are time", "transpose the input so that channels are axis 1")
    shape[channels] = scale.size
    dims = plain_dims(call)
    factor, shift = (_constant(a.reshape(shape)) for a in (scale, beta - mean * scale))
    value, scale_name, shift_name = ctx.operands(call, [x, factor, shift], dims)
    scaled = ctx.add(Binary("mul"), [value, scale_name], call)
    return several(ctx.stream(Binary("add"), [scaled, shift_name], call))


def batch_statistics(ctx: Context, call: Call) -> Tracked:
    """Batch normalisation that has no running statistics."""
    refuse(call, "batch normalisation without running statistics", "train it with track_running_stats=True")


def _constant(array: Array) -> Constant:
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    return Constant(tensor, tensor)


def reduction(function: str) -> Rule:
    """The rule of a reduction over axes of a frame."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        axes = call.args[1] if len(call.args) > 1 else None
        keep = bool(call.args[2] if len(call.args) > 2 else call.kwargs.get("keepdim", False))
        listed = list(range(len(x.dims))) if axes in (None, []) else axes if isinstance(axes, list) else [axes]
        if x.time is not None and any(int(a) % len(x.dims) == x.time for a in listed):
            refuse(call, OVER_TIME, OVER_TIME_REMEDY)
        return ctx.stream(Reduce(function, tuple(x.axis(int(a)) for a in listed), keep), [x.value], call)

    return rule


def along_axis(make: type[Softmax] | type[LogSoftmax]) -> Rule:
    """The rule of softmax and log_softmax."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        op: Op = make(frame_axis(call, x, call.args[1]))
        return ctx.stream(op, [x.value], call)

    return rule


def index(ctx: Context, call: Call) -> Tracked:
    """``x[rows, lengths - 1]``: the last frame, the only index into a sequence that streams."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    indices = [ctx.resolve(i) for i in call.args[1]]
    if x.time is not None and _is_last(indices, x) and all(_is_zero(i) for k, i in enumerate(indices) if k != x.time):
        y = last_frame(ctx, call, x, -1)
        dims = plain_dims(call)
        return Stream(ctx.add(Reshape(frame_of(dims)), [y.value], call), dims)
    refuse(call, "indexing by a tensor", "use a slice, select, or an embedding")


def _is_last(indices: list[Any], x: Stream) -> bool:
    if x.time is None or x.time >= len(indices) or not isinstance(indices[x.time], Constant):
        return False
    at = indices[x.time]
    ends = [(t.flatten().tolist(), n) for t, n in zip((at.a, at.b), LENGTHS, strict=True)]
    return all(values in ([n - 1], [-1]) for values, n in ends)


def _is_zero(value: Any) -> bool:
    return isinstance(value, Constant) and value.a.numel() == 1 and not value.a.any()


RULES: dict[str, Rule] = {
    "aten.linear.default": linear,
    "aten.addmm.default": addmm,
    "aten.mm.default": matmul,
    "aten.bmm.default": matmul,
    "aten.matmul.default": matmul,
    "aten.embedding.default": embedding,
    "aten.one_hot.default": one_hot,
    "aten.layer_norm.default": layer_norm,
    "aten.rms_norm.default": rms_norm,
    "aten._native_batch_norm_legit_no_training.default": batch_norm,
    "aten._native_batch_norm_legit.no_stats": batch_statistics,
    "aten._native_batch_norm_legit.default": batch_statistics,
    "aten.softmax.int": along_axis(Softmax),
    "aten._softmax.default": along_axis(Softmax),
    "aten.log_softmax.int": along_axis(LogSoftmax),
    "aten._log_softmax.default": along_axis(LogSoftmax),
    "aten.index.Tensor": index,
    **{f"aten.{n}.{o}": reduction(f) for n, f in (("mean", "mean"), ("sum", "sum"), ("amax", "max"), ("amin", "min"))
       for o in ("default", "dim", "dim_IntList")},
}  # fmt: skip
