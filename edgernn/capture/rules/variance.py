"""Variance and standard deviation, over axes of a frame and over time."""

from __future__ import annotations

import numpy as np

from edgernn.capture.context import Context, number, plain_dims, refuse, several, stream_arg
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.reductions import torch_axes
from edgernn.capture.rules.timing import delayed, in_step, last_of, running
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of
from edgernn.ops import Binary, Reduce, Unary


def spread(root: bool, with_mean: bool = False) -> Rule:
    """The rule of ``var`` and ``std``, and of ``var_mean`` and ``std_mean``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0]))
        axes, given = torch_axes(x.dims, call.option("dim")), call.option("correction")
        correction = 1.0 if given is None else number(call, given, "correction")
        variance, mean = (_over_time if x.time in axes else _of_frames)(ctx, call, x, axes, correction)
        value = ctx.add(Unary("sqrt"), [variance], call) if root else variance
        dims = plain_dims(call)
        result = Stream(ctx.reshaped(value, frame_of(dims), call), dims)
        if not with_mean:
            return result
        return several(result, Stream(ctx.reshaped(mean, frame_of(plain_dims(call, 1)), call), plain_dims(call, 1)))

    return rule


def _of_frames(ctx: Context, call: Call, x: Stream, axes: list[int], correction: float) -> tuple[str, str]:
    kept = tuple(x.axis(a) for a in axes)
    count = float(np.prod([x.frame[a] for a in kept]))
    if count - correction <= 0:
        refuse(call, f"a variance of {count:.0f} values with correction {correction:g}", "use unbiased=False")
    mean = ctx.add(Reduce("mean", kept, True), [x.value], call)
    square = ctx.add(Unary("square"), [ctx.add(Binary("sub"), [x.value, mean], call)], call)
    total = ctx.add(Reduce("sum", kept, True), [square], call)
    return ctx.add(Binary("mul"), [total, ctx.builder.scalar(1 / (count - correction))], call), mean


def _over_time(ctx: Context, call: Call, x: Stream, axes: list[int], correction: float) -> tuple[str, str]:
    """Of the frames so far: the mean of (x - m) (x - m'), where m and m' are the means before and after a frame.

    Source: Welford, 1962.
    """
    if correction:
        refuse(call, f"of one frame, the variance over time with correction {correction:g} is no number",
               "use unbiased=False (correction=0)")  # fmt: skip
    kept = tuple(x.axis(a) for a in axes if a != x.time)
    value = in_step(ctx, call, x.value, x)
    mean = running(ctx, call, "mean", _averaged(ctx, call, value, kept))
    before, after = (ctx.add(Binary("sub"), [value, m], call) for m in (delayed(ctx, call, mean, 1), mean))
    product = _averaged(ctx, call, ctx.add(Binary("mul"), [before, after], call), kept)
    variance = running(ctx, call, "mean", in_step(ctx, call, product, x))
    return last_of(ctx, call, variance, x), last_of(ctx, call, mean, x)


def _averaged(ctx: Context, call: Call, value: str, axes: tuple[int, ...]) -> str:
    return ctx.add(Reduce("mean", axes, True), [value], call) if axes else value


RULES: dict[str, Rule] = {
    "aten.var.correction": spread(root=False),
    "aten.std.correction": spread(root=True),
    "aten.var_mean.correction": spread(root=False, with_mean=True),
    "aten.std_mean.correction": spread(root=True, with_mean=True),
}
