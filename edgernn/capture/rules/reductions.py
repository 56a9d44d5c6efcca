"""Reductions over axes of a frame, and softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgernn.capture.context import Context, number, plain_dims, refuse, several, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.timing import in_step, last_of, running
from edgernn.capture.traced import Call
from edgernn.capture.values import Shares, Stream, Tracked, frame_of
from edgernn.ir.op import Op
from edgernn.ops import Binary, Linear, LogSoftmax, Reduce, Slice, Softmax, Transpose, Unary

OVER_TIME = "it works over time, so it needs the whole sequence"
OVER_TIME_REMEDY = "take the last output ([:, -1] or h_n) instead of pooling, normalising or attending over time"


def reduction(function: str) -> Rule:
    """The rule of a reduction over axes of a frame."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        _check_integers(ctx, call, x)
        axes = torch_axes(x.dims, call.args[1] if len(call.args) > 1 else call.kwargs.get("dim"))
        keep = bool(call.args[2] if len(call.args) > 2 else call.kwargs.get("keepdim", False))
        return reduced(ctx, call, x, function, axes, keep)

    return rule


def torch_axes(dims: Sequence[int | None], axes: Any) -> list[int]:
    """Axes of a tensor of sizes ``dims`` for the ``dim`` of a reduction: None for all, a number, or a list."""
    listed = list(range(len(dims))) if axes in (None, []) else axes if isinstance(axes, list) else [axes]
    return [int(a) % len(dims) for a in listed]


def reduced(ctx: Context, call: Call, x: Stream, function: str, axes: list[int], keep: bool) -> Stream:
    """Over axes of a frame at once, over time as a statistic of the frames so far."""
    kept = [x.axis(a) for a in axes if a != x.time]
    value = ctx.add(Reduce(function, tuple(kept), True), [x.value], call) if kept else x.value
    if x.time in axes:
        value = last_of(ctx, call, running(ctx, call, function, in_step(ctx, call, value, x)), x)
    sizes = tuple(1 if k in axes else n for k, n in enumerate(x.dims))
    dims = sizes if keep else tuple(n for k, n in enumerate(x.dims) if k not in axes)
    return Stream(ctx.reshaped(value, frame_of(dims), call), dims)


def _listed(call: Call, x: Stream, axes: Any) -> tuple[int, ...]:
    """Negative axes of a frame for the ``dim`` of a reduction: None for all, a number, or a list."""
    listed = torch_axes(x.dims, axes)
    if x.time in listed:
        refuse(call, OVER_TIME, OVER_TIME_REMEDY)
    return tuple(x.axis(a) for a in listed)


def _check_integers(ctx: Context, call: Call, x: Stream) -> None:
    if ctx.is_integer(x):
        refuse(call, "arithmetic on integer inputs", "use an embedding or one_hot, or feed float values")


def extreme(function: str) -> Rule:
    """The rule of ``max(dim)`` and ``min(dim)``: values and indices, of which only the values convert."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        keep = bool(call.args[2] if len(call.args) > 2 else False)
        return several(reduced(ctx, call, x, function, torch_axes(x.dims, call.args[1]), keep))

    return rule


def vector_norm(ctx: Context, call: Call) -> Tracked:
    """``linalg_vector_norm`` of order 1, 2 or infinity."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    order = number(call, call.option("ord"), "order")
    axes, keep = _listed(call, x, call.option("dim")), bool(call.option("keepdim"))
    if order not in (1, 2, np.inf):
        refuse(call, f"a norm of order {order}", "use order 1, 2 or infinity")
    if order == 2:
        total = ctx.add(Reduce("sum", axes, keep), [ctx.add(Unary("square"), [x.value], call)], call)
        return ctx.stream(Unary("sqrt"), [total], call)
    size = ctx.add(Unary("abs"), [x.value], call)
    return ctx.stream(Reduce("sum" if order == 1 else "max", axes, keep), [size], call)


def cumulative_sum(ctx: Context, call: Call) -> Tracked:
    """Over time, the sum so far; along an axis of a frame, a product with a triangle of ones."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    if int(call.args[1]) % len(x.dims) == x.time:
        return Stream(running(ctx, call, "sum", in_step(ctx, call, x.value, x)), x.dims)
    axis, rank = frame_axis(call, x, call.args[1]), len(x.frame)
    order = list(range(-rank, 0))
    order[axis], order[-1] = order[-1], order[axis]
    turn, size = Transpose(tuple(order)), x.frame[axis]
    value = x.value if axis == -1 else ctx.add(turn, [x.value], call)
    weight = ctx.builder.constant(np.tril(np.ones((size, size), np.float32)))
    value = ctx.add(Linear(), [value, weight, ctx.builder.constant(np.zeros(size, np.float32))], call)
    return Stream(value if axis == -1 else ctx.add(turn, [value], call), x.dims)


def product(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = frame_axis(call, x, call.args[1])
    parts = [ctx.add(Slice(axis, k, k + 1), [x.value], call) for k in range(x.frame[axis])]
    total = parts[0]
    for part in parts[1:]:
        total = ctx.add(Binary("mul"), [total, part], call)
    dims = plain_dims(call)
    return Stream(ctx.reshaped(total, frame_of(dims), call), dims)


def log_sum_exp(ctx: Context, call: Call) -> Tracked:
    """m + log(sum(exp(x - m))) with the largest entry m."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axes = _listed(call, x, call.args[1])
    keep = bool(call.args[2]) if len(call.args) > 2 else False
    top = ctx.add(Reduce("max", axes, True), [x.value], call)
    powers = ctx.add(Unary("exp"), [ctx.add(Binary("sub"), [x.value, top], call)], call)
    log = ctx.add(Unary("log"), [ctx.add(Reduce("sum", axes, True), [powers], call)], call)
    total = ctx.add(Binary("add"), [top, log], call)
    dims = plain_dims(call)
    return Stream(total if keep else ctx.reshaped(total, frame_of(dims), call), dims)


def along_axis(make: type[Softmax] | type[LogSoftmax]) -> Rule:
    """The rule of softmax and log_softmax; softmax along time gives the weights of attention."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        if make is Softmax and int(call.args[1]) % len(x.dims) == x.time:
            return Shares(x)
        op: Op = make(frame_axis(call, x, call.args[1]))
        return ctx.stream(op, [x.value], call)

    return rule


RULES: dict[str, Rule] = {
    "aten.softmax.int": along_axis(Softmax),
    "aten._softmax.default": along_axis(Softmax),
    "aten.log_softmax.int": along_axis(LogSoftmax),
    "aten._log_softmax.default": along_axis(LogSoftmax),
    "aten.max.dim": extreme("max"),
    "aten.min.dim": extreme("min"),
    **{f"aten.{n}.{o}": reduction(f) for n, f in (("mean", "mean"), ("sum", "sum"), ("amax", "max"), ("amin", "min"))
       for o in ("default", "dim", "dim_IntList")},
    "aten.max.default": reduction("max"),
    "aten.min.default": reduction("min"),
    "aten.linalg_vector_norm.default": vector_norm,
    "aten.cumsum.default": cumulative_sum,
    "aten.prod.dim_int": product,
    "aten.logsumexp.default": log_sum_exp,
}  # fmt: skip
