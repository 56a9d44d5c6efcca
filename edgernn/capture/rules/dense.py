"""Matrix products and look-ups."""

from __future__ import annotations

import numpy as np

from edgernn.capture.context import Context, fixed_array, number, plain_dims, refuse, stream_arg, uniform
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.reductions import OVER_TIME, OVER_TIME_REMEDY
from edgernn.capture.rules.refused import ATTENTION
from edgernn.capture.rules.self_attention import products
from edgernn.capture.traced import Call
from edgernn.capture.values import Constant, Stream, Tracked, frame_of
from edgernn.ir.op import Array
from edgernn.ops import Binary, Embedding, Linear, Matmul


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
    if isinstance(a, Stream) and isinstance(b, Constant) and b.a.ndim > 2:
        return _same_matrix(ctx, call, a, b)
    if isinstance(a, Stream) and isinstance(b, Constant) and b.a.ndim == 1:
        y = ctx.add(Linear(), [a.value, ctx.builder.constant(fixed_array(call, b, "weight")[None]),
                               ctx.builder.constant(np.zeros(1, np.float32))], call)  # fmt: skip
        dims = plain_dims(call)
        return Stream(ctx.reshaped(y, frame_of(dims), call), dims)
    if isinstance(a, Constant) and isinstance(b, Stream) and a.a.ndim == 2:
        return _constant_left(ctx, call, a, b)
    return _frames_matmul(ctx, call, stream_arg(call, a), stream_arg(call, b))


def _same_matrix(ctx: Context, call: Call, a: Stream, b: Constant) -> Tracked:
    """A product with a constant that has leading axes, all of which hold the same matrix."""
    leads = a.time is not None and a.time < len(a.dims) - 2
    array = uniform(call, b, len(a.dims), a.time if leads else None)
    matrix = array.reshape(-1, *array.shape[-2:])[0]
    if not np.array_equal(np.broadcast_to(matrix, array.shape), array):
        refuse(call, "a product with a batch of different constant matrices", "multiply by one matrix at a time")
    return affine(ctx, call, a, matrix.T, None)


def _constant_left(ctx: Context, call: Call, a: Constant, b: Stream) -> Tracked:
    if b.time is not None and b.time >= len(b.dims) - 2:
        refuse(call, OVER_TIME, OVER_TIME_REMEDY)
    return ctx.stream(Matmul(), [ctx.builder.constant(fixed_array(call, a, "weight")), b.value], call)


def _frames_matmul(ctx: Context, call: Call, a: Stream, b: Stream) -> Tracked:
    if ctx.segment and (a.time is None) != (b.time is None):
        return matched(ctx, call, a, b, plain_dims(call))
    if any(s.time is not None and s.time >= len(s.dims) - 2 for s in (a, b)):
        return products(ctx, call, a, b)
    a, b = ctx.aligned(call, [a, b])
    if len(a.dims) != len(b.dims) or a.time != b.time:
        refuse(call, f"a product of tensors with axes {a.dims} and {b.dims}", "give both the same leading axes")
    return ctx.stream(Matmul(), [a.value, b.value], call)


def matched(ctx: Context, call: Call, a: Stream, b: Stream, dims: tuple[int | None, ...]) -> Stream:
    """a @ b of frames as rows of ``a``, or as columns of ``b``, with a matrix that holds for the whole segment."""
    rank = max(len(a.dims), len(b.dims), 2)
    a_dims = (1,) * (rank - len(a.dims)) + a.dims
    b_dims = (1,) * (rank - len(b.dims)) + b.dims if len(b.dims) > 1 else (1,) * (rank - 2) + (*b.dims, 1)
    if a.time is not None and a_dims[-2] is None:
        shapes = (*frame_of(a_dims[:-2]), 1, a.frame[-1]), frame_of(b_dims)
    elif b.time is not None and b_dims[-1] is None:
        shapes = frame_of(a_dims), (*frame_of(b_dims[:-2]), b.frame[-1], 1)
    else:
        refuse(call, *ATTENTION)
    names = [ctx.reshaped(v.value, s, call) for v, s in zip(ctx.aligned(call, [a, b]), shapes, strict=True)]
    return Stream(ctx.reshaped(ctx.add(Matmul(), names, call), frame_of(dims), call), dims)


def bilinear(ctx: Context, call: Call) -> Tracked:
    """x1' W x2 + b: a linear layer on the outer product of two vectors."""
    a, b = (stream_arg(call, ctx.resolve(v)) for v in call.args[:2])
    weight = fixed_array(call, ctx.resolve(call.args[2]), "weight")
    bias = ctx.resolve(call.args[3]) if len(call.args) > 3 else None
    dims = plain_dims(call)
    outer = (*dims[:-1], *weight.shape[1:])
    column, row = ((*dims[:-1], weight.shape[1], 1), (*dims[:-1], 1, weight.shape[2]))
    operands = [Stream(ctx.reshaped(v.value, frame_of(d), call), d) for v, d in ((a, column), (b, row))]
    products = ctx.add(Binary("mul"), ctx.operands(call, operands, outer), call)
    flat = (*dims[:-1], weight.shape[1] * weight.shape[2])
    x = Stream(ctx.reshaped(products, frame_of(flat), call), flat)
    return affine(
        ctx, call, x, weight.reshape(len(weight), -1), None if bias is None else fixed_array(call, bias, "bias")
    )


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


RULES: dict[str, Rule] = {
    "aten.linear.default": linear,
    "aten.addmm.default": addmm,
    "aten.mm.default": matmul,
    "aten.bmm.default": matmul,
    "aten.matmul.default": matmul,
    "aten.bilinear.default": bilinear,
    "aten.embedding.default": embedding,
    "aten.one_hot.default": one_hot,
}
