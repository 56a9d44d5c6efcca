"""Attention of the frames of a segment to each other: products of queries and keys, their softmax, means of values.

The matrix of all products, frames by frames, is never computed: it is followed as the queries and keys that it comes
from, until its softmax is multiplied by values (``Attend``).
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from edgernn.capture.context import Context, number, plain_dims, refuse, stream_arg
from edgernn.capture.rules.refused import ATTENTION
from edgernn.capture.rules.timing import LENGTH_REMEDY, in_step, together
from edgernn.capture.traced import Call
from edgernn.capture.values import Constant, Products, Stream, Tracked, frame_of, timed
from edgernn.ops import Attend, Binary

HIDDEN = -1e4
"""What is added to scores to hide them is at most this."""

PRODUCTS = ("aten.bmm.default", "aten.matmul.default")
SAME = ("aten.dropout.default", "aten.contiguous.default", "aten.clone.default", "aten.detach.default")
SOFTMAX = ("aten.softmax.int", "aten._softmax.default")
FORMS = (
    "the products of queries and keys of all frames are used in another way than for attention",
    "use F.scaled_dot_product_attention, or softmax(q @ k.transpose(-1, -2) * scale, -1) @ v, unmasked or causal",
)


def products(ctx: Context, call: Call, queries: Stream, keys: Stream) -> Products:
    """Of queries [..., T, D] and keys [..., D, T]."""
    if not ctx.segment:
        refuse(call, *ATTENTION)
    rank = len(queries.dims)
    if len(keys.dims) != rank or (queries.time, keys.time) != (rank - 2, rank - 1):
        refuse(call, *ATTENTION)
    return Products(queries, replace(keys, dims=(*keys.dims[:-2], None, keys.dims[-2])))


def attended(ctx: Context, call: Call) -> Tracked:
    """The result of a call that has Products among its operands. Raises UnsupportedModelError where they are used in
    another way than for attention."""
    first = ctx.resolve(call.args[0])
    if not isinstance(first, Products):
        refuse(call, *FORMS)
    name = call.target.split(".")[1]
    if call.target in SAME and call.option("train") is not True:
        return first
    if call.target in SOFTMAX and not first.weights and int(call.args[1]) % len(first.queries.dims) == _last(first):
        return replace(first, weights=True)
    if call.target in PRODUCTS and first.weights:
        return attention(ctx, call, first, stream_arg(call, ctx.resolve(call.args[1])))
    if name in ("mul", "div") and not first.weights:
        factor = _factor(ctx, call)
        return _scaled(ctx, call, first, 1.0 / factor if name == "div" else factor)
    if name in ("add", "masked_fill") and not first.weights:
        return replace(first, causal=first.causal or _hides_later(ctx, call, name == "add"))
    return refuse(call, *FORMS)


def _last(scores: Products) -> int:
    return len(scores.queries.dims) - 1


def _factor(ctx: Context, call: Call) -> float:
    value = ctx.resolve(call.args[1])
    if isinstance(value, Constant) and value.fixed and value.a.numel() == 1:
        return float(value.a)
    return number(call, value, "scale")


def _scaled(ctx: Context, call: Call, scores: Products, factor: float) -> Products:
    if factor == 1.0:
        return scores
    value = ctx.add(Binary("mul"), [scores.queries.value, ctx.builder.scalar(factor)], call)
    return replace(scores, queries=replace(scores.queries, value=value))


def _hides_later(ctx: Context, call: Call, added: bool) -> bool:
    """Whether a mask hides all later frames; False where it hides none. Raises UnsupportedModelError for others."""
    mask = ctx.resolve(call.args[1])
    if not isinstance(mask, Constant) or (not added and number(call, ctx.resolve(call.args[2]), "value") > HIDDEN):
        refuse(call, *FORMS)
    return _is_causal(call, mask, added)


def _is_causal(call: Call, mask: Constant, added: bool) -> bool:
    kinds = set()
    for tensor in (mask.a, mask.b):
        rows, columns = (*(1,) * (2 - tensor.dim()), *tensor.shape)[-2:]
        hidden = tensor <= HIDDEN if added else tensor.bool()
        if added and bool(((tensor != 0) & ~hidden).any()):
            refuse(call, "the scores of attention get a bias", FORMS[1])
        later = torch.ones(rows, columns, dtype=torch.bool).triu(1)
        kinds.add("none" if not hidden.any() else "later" if bool((hidden == later).all()) else "other")
    if kinds not in ({"none"}, {"later"}):
        refuse(call, "a mask of attention hides other frames than the later ones", FORMS[1])
    return kinds == {"later"}


def attention(ctx: Context, call: Call, scores: Products, values: Stream) -> Stream:
    """The mean of values [..., T, V] with the weights of ``scores``, for each frame."""
    dims, rank = plain_dims(call), len(scores.queries.dims)
    streams = [scores.queries, scores.keys, values]
    if any(len(s.dims) != rank or s.time != rank - 2 or s.dims[:-2] != values.dims[:-2] for s in streams):
        refuse(call, "queries, keys and values have other leading axes, or another order of axes", FORMS[1])
    if len({(s.extra, s.rate) for s in streams}) > 1:
        refuse(call, "sequences of different lengths are combined", LENGTH_REMEDY)
    streams = together(ctx, call, streams, whole=True)
    heads = math.prod(values.frame[:-1])
    operands = [ctx.reshaped(in_step(ctx, call, s.value, s), (heads, s.frame[-1]), call) for s in streams]
    value = ctx.add(Attend(scores.causal), operands, call)
    timing = streams[0]
    return timed(ctx.reshaped(value, frame_of(dims), call), dims, timing.lag, timing.extra, timing.rate)


def of_frames(ctx: Context, call: Call) -> Tracked:
    """``F.scaled_dot_product_attention`` of queries of every frame, without a mask, or with a causal one."""
    if not ctx.segment:
        refuse(call, *ATTENTION)
    queries, keys, values = (stream_arg(call, ctx.resolve(a)) for a in call.args[:3])
    if queries.dims[-1] is None or call.option("dropout_p") or call.option("enable_gqa"):
        refuse(call, *FORMS)
    scores = Products(queries, keys, causal=bool(call.option("is_causal")))
    mask = ctx.resolve(call.option("attn_mask"))
    if mask is not None:
        scores = replace(scores, causal=_mask_of_products(call, mask))
    scale = call.option("scale")
    factor = queries.dims[-1] ** -0.5 if scale is None else number(call, scale, "scale")
    return attention(ctx, call, _scaled(ctx, call, scores, factor), values)


def _mask_of_products(call: Call, mask: object) -> bool:
    """Of a mask that is added, or true where a frame is seen."""
    if not isinstance(mask, Constant):
        refuse(call, *FORMS)
    if mask.a.dtype != torch.bool:
        return _is_causal(call, mask, True)
    return _is_causal(call, Constant(~mask.a, ~mask.b), False)
