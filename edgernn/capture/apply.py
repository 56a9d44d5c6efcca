"""One call of the module -> nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch.utils import _pytree as pytree

from edgernn.capture.constants import evaluate, shaped_like
from edgernn.capture.context import SEGMENT_REMEDY, Context, refuse
from edgernn.capture.rules import OF_TIME, RULES, WHOLE, refused
from edgernn.capture.rules.attention import pooled
from edgernn.capture.rules.self_attention import attended
from edgernn.capture.rules.shape import MOVES
from edgernn.capture.rules.spectrum import of_complex
from edgernn.capture.rules.timing import LENGTH_REMEDY, common_lag, together
from edgernn.capture.traced import Call, Ref, Varying
from edgernn.capture.values import Complex, Constant, Products, Several, Shares, Stream, Tracked, Weighted, timed

IGNORED = ("aten._assert_tensor_metadata.default", "aten._assert_async.msg", "aten.sym_constrain_range.default")


def apply(ctx: Context, call: Call) -> Tracked:
    """The result of one call. Raises UnsupportedModelError, with the line of the user's code, where no rule fits."""
    if call.target == "getitem":
        source = ctx.resolve(call.args[0])
        return _item(call, source, call.args[1]) if isinstance(source, Several) else source
    if call.target in IGNORED:
        return Several(())
    values = pytree.tree_leaves([ctx.resolve(a) for a in [*call.args, *call.kwargs.values()]])
    if any(isinstance(v, Shares | Weighted) for v in values):
        return pooled(ctx, call)
    if any(isinstance(v, Products) for v in values):
        return attended(ctx, call)
    parts = [v for v in values if isinstance(v, Complex)]
    if parts:
        return _timed_as(of_complex(ctx, call), parts[0])
    if not any(isinstance(v, Stream | Several) for v in values):
        return evaluate(ctx, call)
    constant = shaped_like(ctx, call)
    if constant is not None:
        return constant
    rule = RULES.get(call.target) or refused.rule_for(call.target)
    if rule is None:
        refuse(call, "edgernn has no rule for this operation")
    operands = [v for r in _refs(call) for v in [ctx.env[r.name]] if isinstance(v, Stream)]
    _check_operands(call, operands)
    moved = operands[0] if call.target in MOVES else None
    if call.target not in OF_TIME and moved is None:
        operands = _settle(ctx, call)
    timing = next((s for s in operands if s.time is not None), Stream("", ()))
    timing = replace(timing, lag=common_lag(operands, call.target in WHOLE))
    try:
        result = rule(ctx, call)
    except (TypeError, ValueError, AttributeError) as error:
        varying = [a for a in pytree.tree_leaves([call.args, call.kwargs]) if isinstance(a, Varying)]
        if not varying:
            raise
        refuse(
            call,
            f"one of its arguments depends on the length of the sequence: {type(error).__name__}",
            "keep the length of the sequence out of the sizes of other axes",
        )
    if call.target not in OF_TIME:
        result = _timed(result, timing, moved)
    _check_length(call, result)
    return result


def _settle(ctx: Context, call: Call) -> list[Stream]:
    """Bring the frames of all operands into step."""
    named = {ref.name: value for ref in _refs(call) if isinstance(value := ctx.env[ref.name], Stream)}
    found = together(ctx, call, list(named.values()), call.target in WHOLE)
    ctx.env.update(zip(named, found, strict=True))
    return found


def _refs(call: Call) -> list[Ref]:
    return [a for a in pytree.tree_leaves([call.args, call.kwargs]) if isinstance(a, Ref)]


def _check_operands(call: Call, streams: Sequence[Stream]) -> None:
    if len({s.extra for s in streams if s.time is not None}) > 1:
        refuse(call, "sequences of different lengths are combined", LENGTH_REMEDY)
    if len({s.rate for s in streams if s.time is not None}) > 1:
        refuse(call, "sequences of different rates are combined", "bring them to one rate, by the same strides")


def _timed(result: Tracked, timing: Stream, moved: Stream | None) -> Tracked:
    if isinstance(result, Several):
        return Several(tuple(_stream(item, timing, moved) for item in result.items))
    return _stream(result, timing, moved) if isinstance(result, Stream | Constant) else result


def _timed_as(result: Tracked, source: Complex) -> Tracked:
    if isinstance(result, Stream):
        return timed(result.value, result.dims, source.lag, source.extra, source.rate)
    if isinstance(result, Complex):
        return replace(result, lag=source.lag, extra=source.extra, rate=source.rate)
    return result


def _stream(item: Stream | Constant, timing: Stream, moved: Stream | None) -> Stream | Constant:
    if not isinstance(item, Stream) or item.time is None:
        return item
    if moved is None:
        return timed(item.value, item.dims, timing.lag, timing.extra, timing.rate)
    return item if item.rate > moved.rate else replace(moved, value=item.value, dims=item.dims)


def _check_length(call: Call, result: Tracked) -> None:
    """Results must be as long as what PyTorch computes."""
    items = result.items if isinstance(result, Several) else (result,)
    for item, extra, rate in zip(items, call.extra, call.rates, strict=False):
        if isinstance(item, Stream) and item.time is not None and (item.extra, item.rate) != (extra, rate):
            refuse(call, "the length of its result cannot be followed", LENGTH_REMEDY)


def _item(call: Call, source: Several, position: int) -> Tracked:
    if position >= len(source.items) and source.absent:
        refuse(
            call, source.absent,
            "use the outputs of the frames, or their mean or maximum over time; or convert the bidirectional layer for "
            f"whole segments ({SEGMENT_REMEDY})",
        )  # fmt: skip
    if position >= len(source.items):
        refuse(
            call,
            "it uses positions (the indices of max or min)",
            "use only the values; take positions outside the model",
        )
    return source.items[position]
