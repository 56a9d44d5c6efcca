"""Attention pooling: a mean over time whose weights are a softmax along time, for the frames so far.

The weights themselves exist only once the whole sequence was seen. They are followed as the scores that they come from,
until a product with the frames and a sum over time make a mean of them, which has a form in one pass
(``Running("softmax")``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import torch

from edgernn.capture.context import Context, number, plain_dims, refuse, stream_arg
from edgernn.capture.rules.dense import matched
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.reductions import OVER_TIME, OVER_TIME_REMEDY, torch_axes
from edgernn.capture.rules.refused import ATTENTION
from edgernn.capture.rules.self_attention import of_frames
from edgernn.capture.rules.shape import MOVES
from edgernn.capture.rules.shape import RULES as SHAPE
from edgernn.capture.rules.timing import LENGTH_REMEDY, in_step, last_of, running, together
from edgernn.capture.traced import Call, Ref
from edgernn.capture.values import Constant, Shares, Stream, Tracked, Weighted, frame_of
from edgernn.ops import Binary, Expand

PRODUCTS = ("aten.bmm.default", "aten.matmul.default", "aten.mm.default")
SUMS = ("aten.sum.dim_IntList", "aten.sum.default")
REPEATS = ("aten.expand.default", "aten.expand_as.default")


def pooled(ctx: Context, call: Call) -> Tracked:
    """The result of a call that has Shares or Weighted among its operands. Raises UnsupportedModelError where they are
    used in another way than for a weighted mean over time."""
    first = ctx.resolve(call.args[0])
    if isinstance(first, Shares) and call.target in (*MOVES, *REPEATS):
        return _moved(ctx, call, first)
    if call.target in SUMS and isinstance(first, Weighted):
        return _summed(ctx, call, first)
    if call.target in ("aten.mul.Tensor", *PRODUCTS):
        a, b = (ctx.resolve(v) for v in call.args[:2])
        if {type(a), type(b)} == {Shares, Stream}:
            return _times(call, a, b) if call.target == "aten.mul.Tensor" else _product(ctx, call, a, b)
    return _refuse(call)


def _refuse(call: Call) -> NoReturn:
    refuse(call, OVER_TIME, f"{OVER_TIME_REMEDY}, or make a weighted mean of them: (weights * frames).sum(1)")


def scaled_dot_product(ctx: Context, call: Call) -> Tracked:
    """``scaled_dot_product_attention`` of queries of every frame, or that hold for a whole segment, with its frames."""
    if stream_arg(call, ctx.resolve(call.args[0])).time is not None:
        return of_frames(ctx, call)
    query, keys, values = (stream_arg(call, ctx.resolve(v)) for v in call.args[:3])
    mask = ctx.resolve(call.option("attn_mask"))
    plain = mask is None or (isinstance(mask, Constant) and _lets_pass(mask.a) and _lets_pass(mask.b))
    if not ctx.segment or not keys.time == values.time == len(keys.dims) - 2:
        refuse(call, *ATTENTION)
    if not plain or call.option("is_causal") or call.option("enable_gqa"):
        refuse(call, "attention with a mask, causal or in groups", "leave them out: one sequence has no padding")
    scale = call.option("scale")
    factor = query.frame[-1] ** -0.5 if scale is None else number(call, scale, "scale")
    scaled = ctx.add(Binary("mul"), [query.value, ctx.builder.scalar(factor)], call)
    dims = (*query.dims[:-1], None)
    turned = replace(keys, dims=(*keys.dims[:-2], keys.dims[-1], None))
    score = matched(ctx, call, replace(query, value=scaled), turned, dims)
    return _product(ctx, call, Shares(replace(keys, value=score.value, dims=dims)), values)


def _lets_pass(mask: torch.Tensor) -> bool:
    """Whether a mask hides nothing."""
    return bool(mask.all()) if mask.dtype == torch.bool else not bool(mask.any())


def _moved(ctx: Context, call: Call, shares: Shares) -> Shares:
    """What moves the elements of the weights moves those of the scores."""
    argument = call.args[0]
    if not isinstance(argument, Ref):
        _refuse(call)
    ctx.env[argument.name] = shares.score
    try:
        result = SHAPE[call.target](ctx, call)
    finally:
        ctx.env[argument.name] = shares
    moved = stream_arg(call, result)
    return Shares(replace(shares.score, value=moved.value, dims=moved.dims))


def _times(call: Call, a: Shares | Stream, b: Shares | Stream) -> Weighted:
    shares, frames = (a, b) if isinstance(a, Shares) else (b, a)
    if not isinstance(shares, Shares) or not isinstance(frames, Stream):
        _refuse(call)
    dims = plain_dims(call)
    rank = len(dims)
    padded = [(1,) * (rank - len(d)) + d for d in (shares.score.dims, frames.dims)]
    if any(p.count(None) != 1 or p.index(None) != dims.index(None) for p in padded):
        _refuse(call)
    return Weighted(replace(shares.score, dims=padded[0]), replace(frames, dims=padded[1]), dims)


def _summed(ctx: Context, call: Call, product: Weighted) -> Stream:
    time = product.dims.index(None)
    axes = torch_axes(product.dims, call.args[1] if len(call.args) > 1 else call.kwargs.get("dim"))
    if axes != [time]:
        refuse(call, "weights along time are summed over other axes", "sum over time first, then over features")
    dims = plain_dims(call)
    return _mean(ctx, call, product.score, product.frames, frame_of(product.dims), dims)


def _mean(
    ctx: Context, call: Call, score: Stream, frames: Stream, shape: tuple[int, ...], dims: tuple[int | None, ...]
) -> Stream:
    """The mean of ``frames``, repeated to ``shape``, weighted by the exponentials of ``score``."""
    if frames.extra != score.extra:
        refuse(call, "sequences of different lengths are combined", LENGTH_REMEDY)
    frames, score = together(ctx, call, [frames, score], whole=True)
    x = frames.value
    if frames.frame != shape:
        x = ctx.add(Expand(shape), [x], call)
    names = [in_step(ctx, call, v, frames) for v in (x, score.value)]
    value = last_of(ctx, call, running(ctx, call, "softmax", *names), frames)
    return Stream(ctx.reshaped(value, frame_of(dims), call), dims)


def _product(ctx: Context, call: Call, a: Shares | Stream, b: Shares | Stream) -> Stream:
    """Weights [..., Q, T] times frames [..., T, H], or frames [..., H, T] times weights [..., T, Q]."""
    dims = plain_dims(call)
    if isinstance(a, Shares) and isinstance(b, Stream):
        score, frames, axes = a.score, b, (-1, -2)
    elif isinstance(a, Stream) and isinstance(b, Shares):
        score, frames, axes = b.score, a, (-2, -1)
    else:
        _refuse(call)
    rank = len(score.dims)
    if rank < 2 or len(frames.dims) != rank or (score.time, frames.time) != tuple(rank + k for k in axes):
        _refuse(call)
    lead = frame_of(frames.dims[:-2])
    queries, features = score.frame[-1], frames.frame[-1]
    turned = axes == (-2, -1)
    row, column = ((features, 1), (1, queries)) if turned else ((1, features), (queries, 1))
    shape = (*lead, features, queries) if turned else (*lead, queries, features)
    x = replace(frames, value=ctx.reshaped(frames.value, (*lead, *row), call), dims=(*lead, *row, None))
    weight = replace(score, value=ctx.reshaped(score.value, (*lead, *column), call), dims=(*lead, *column, None))
    return _mean(ctx, call, weight, x, shape, dims)




RULES: dict[str, Rule] = {"aten.scaled_dot_product_attention.default": scaled_dot_product}
