"""Frames before and after: padding, cutting and delaying along time.

A tensor that was padded or cut along time is the value it was made from, a number of frames later or earlier
(``Stream.lag``), with more or fewer frames (``Stream.extra``). Nothing is computed until something reads its frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgernn.capture.context import Context, refuse
from edgernn.capture.traced import Call, Varying
from edgernn.capture.values import Constant, Stream, frame_of, timed
from edgernn.ir.op import Array, Op
from edgernn.ops import Advance, Bounded, Delay, Last, Reshape, Running, Subsample, Window
from edgernn.ops.running import STARTS

LENGTH_REMEDY = "keep as many frames as the input has: pad, or cut, both to the same length"


class SlowerError(Exception):
    """A tensor is so much slower than its operand that the traced sequences have no whole number of its frames."""

    def __init__(self, factor: int) -> None:
        super().__init__(f"the traced sequences must be {factor} times as long")
        self.factor = factor


@dataclass(frozen=True)
class Taps:
    """Frames of a tensor that one frame of a result reads: ``size`` of them, ``dilation`` apart; one of ``stride``."""

    size: int
    dilation: int = 1
    stride: int = 1

    @property
    def span(self) -> int:
        """Between the first and the last of them."""
        return (self.size - 1) * self.dilation


def windows(ctx: Context, call: Call, x: Stream, taps: Taps, fill: float = 0.0) -> Stream:
    """Frame j of the result is frames stride j + k dilation of ``x``, k < size, side by side along a first axis.

    Before the first frame of the value of ``x`` is ``fill``. ``dims`` of the result are those of ``x``.
    """
    if call.scale % (x.rate * taps.stride):
        raise SlowerError(taps.stride)
    x = later(ctx, call, x, max(0, x.lag - taps.span))
    ahead, phase = divmod(taps.span - x.lag, taps.stride)
    extra = (x.extra - taps.span - 1) // taps.stride + 1
    ctx.builder.graph.hop = math.lcm(ctx.builder.graph.hop, x.rate * taps.stride)
    value = _window(ctx, call, x.value, taps, phase, fill)
    return timed(value, x.dims, -ahead, extra, x.rate * taps.stride)


def _window(ctx: Context, call: Call, value: str, taps: Taps, phase: int, fill: float) -> str:
    shape = ctx.builder.graph.values[value].shape
    if taps.size == 1:
        if taps.stride > 1:
            value = ctx.add(Subsample(taps.stride, phase), [value], call)
        return ctx.add(Reshape((1, *shape)), [value], call)
    op = Window(taps.size, taps.dilation, taps.stride, phase)
    return _remembering(ctx, call, op, value, np.full((op.span, *shape), fill, np.float32), "window")


def _remembering(ctx: Context, call: Call, op: Op, value: str, start: Array, name: str) -> str:
    """The first result of an op that keeps frames of before."""
    if ctx.builder.graph.values[value].dtype != "float32":
        refuse(call, "frames of integers are kept", "delay or join what is computed from them")
    hint = f"{call.path or call.name}_{name}"
    try:
        return ctx.builder.add(op, [value, ctx.builder.constant(start, f"{hint}_start")], hint)[0]
    except ValueError as error:
        refuse(call, f"its operands do not fit: {error}")


def delayed(ctx: Context, call: Call, value: str, frames: int) -> str:
    """``value`` some frames later, zeros before."""
    if frames == 0:
        return value
    shape = ctx.builder.graph.values[value].shape
    return _remembering(ctx, call, Delay(frames), value, np.zeros((frames, *shape), np.float32), "delay")


def running(ctx: Context, call: Call, function: str, *values: str) -> str:
    """``function`` (of ``Running``) of all frames so far."""
    op, hint = Running(function), f"{call.path or call.name}_{function}"
    shapes = op.shapes(*(ctx.builder.graph.values[v].shape for v in values))
    starts = [
        ctx.builder.constant(np.full(shape, start, np.float32), f"{hint}_start")
        for shape, start in zip(shapes, STARTS[function], strict=True)
    ]
    try:
        return ctx.builder.add(op, [*values, *starts], hint)[0]
    except ValueError as error:
        refuse(call, f"its operands do not fit: {error}")


def filled(ctx: Context, call: Call, x: Stream, fill: float = 0.0) -> Stream:
    """``x`` such that frames of its value that the tensor pads are ``fill``, from the first step on."""
    start, end = x.bounds
    before, after = start < x.first and x.first > 0, end > x.last
    if (not before and not after) or (x.zero and fill == 0.0):
        return x
    if ctx.is_integer(x):
        refuse(call, "integer inputs are padded along time", "pad what is computed from them")
    if x.last < 0:
        x = later(ctx, call, x, -x.last)
    value = ctx.add(Bounded(x.first, x.last, fill), [x.value], call, f"{call.path or call.name}_bounded")
    return replace(x, value=value, zero=fill == 0.0)


def later(ctx: Context, call: Call, x: Stream, frames: int) -> Stream:
    """The same tensor as a value of some frames later."""
    if frames == 0:
        return x
    value = delayed(ctx, call, x.value, frames)
    return replace(x, value=value, lag=x.lag - frames, first=x.first + frames, last=x.last + frames)


def settled(ctx: Context, call: Call, x: Stream, lag: int = 0) -> Stream:
    """``x`` as a value whose frame j - ``lag`` is frame j of the tensor."""
    if x.time is None:
        return x
    x = filled(ctx, call, x)
    return later(ctx, call, x, x.lag - lag) if x.lag != lag else x


def advanced(ctx: Context, call: Call, x: Stream) -> Stream:
    """Of a segment: ``x`` as a value whose frame j is frame j of the tensor, though it looks ahead."""
    if x.time is None:
        return x
    x = settled(ctx, call, x, min(0, x.lag))
    if x.extra:
        than = "more" if x.extra > 0 else "less"
        refuse(call, f"it reads a tensor with {abs(x.extra)} frames {than} than the segment", LENGTH_REMEDY)
    if not x.lag:
        return x
    return timed(ctx.add(Advance(-x.lag), [x.value], call, f"{x.value}_in_time"), x.dims, 0, 0, x.rate)


def together(ctx: Context, call: Call, streams: Sequence[Stream], whole: bool = False) -> list[Stream]:
    """``streams`` with their frames in step, the later of them waiting for none but the latest; ``whole`` as for
    ``common_lag``. Of a segment, none waits where the whole is seen, or where some look ahead and others do not."""
    lags = {min(0, s.lag) for s in streams if s.time is not None}
    if ctx.segment and (whole or (len(lags) > 1 and 0 in lags)):
        return [advanced(ctx, call, s) for s in streams]
    lag = common_lag(streams, whole)
    return [settled(ctx, call, s, lag) for s in streams]


def common_lag(streams: Sequence[Stream], whole: bool = False) -> int:
    """The least delay, as a lag, that all can have; where ``whole``, such that a state sees all of them end."""
    timed = [s for s in streams if s.time is not None]
    return min([0, *(s.lag for s in timed), *(s.extra for s in timed if whole)])


def in_step(ctx: Context, call: Call, value: str, x: Stream) -> str:
    """``value``, whose frames belong to those of ``x``, for an operator that carries a state: it sees no others."""
    if x.time is None or x.bounds == (0, 0):
        return value
    return ctx.add(Bounded(*x.bounds), [value], call, f"{value}_in_step")


def last_of(ctx: Context, call: Call, value: str, x: Stream) -> str:
    """The last frame of ``value``, whose frames belong to those of ``x``."""
    return ctx.add(Last(), [in_step(ctx, call, value, x)], call)


def padded(ctx: Context, call: Call, x: Stream, before: int, after: int, value: float) -> Stream:
    """``x`` with frames of ``value`` before and after."""
    if value != 0.0:
        refuse(call, f"frames of {value} are put around the sequence", "pad time with zeros")
    if before < 0 or after < 0:
        x = trimmed(x, max(0, -before), max(0, -after))
    return replace(x, lag=x.lag + max(0, before), extra=x.extra + max(0, before) + max(0, after))


def trimmed(x: Stream, before: int, after: int) -> Stream:
    """``x`` without its first and last frames."""
    x = replace(x, lag=x.lag - before, extra=x.extra - before - after)
    start, end = x.bounds
    first, last = max(x.first, start), min(x.last, end)
    return replace(x, first=first, last=last, zero=x.zero and (first, last) == (x.first, x.last))


def zeros_around(ctx: Context, call: Call, parts: Sequence[Any], axis: int) -> Stream | None:
    """The sequence among ``parts``, which are joined along time, padded; None where not only zeros are joined to it."""
    at = [k for k, part in enumerate(parts) if isinstance(part, Stream)]
    if len(at) != 1 or parts[at[0]].time != axis:
        return None
    zeros = [part for part in parts if isinstance(part, Constant)]
    if not all(z.fixed and not z.a.any() for z in zeros):
        return None
    before, after = (sum(int(z.a.shape[axis]) for z in side) for side in (parts[: at[0]], parts[at[0] + 1 :]))
    return padded(ctx, call, parts[at[0]], before, after, 0.0)


def cut(ctx: Context, call: Call, x: Stream, start: Any, stop: Any, step: Any) -> Stream | None:
    """``x[start:stop:step]`` along time; None where it is the last frame alone."""
    lengths = [n + x.extra for n in call.lengths(x.rate)]
    ranges = [
        range(*slice(_side(start, k), _side(stop, k)).indices(length)) for k, length in enumerate(lengths)
    ]
    a, b = ranges
    if len(a) == len(b) == 1 and all(r[0] == n - 1 for r, n in zip(ranges, lengths, strict=True)):
        return None
    if a.start != b.start or lengths[0] - a.stop != lengths[1] - b.stop:
        refuse(call, "it keeps a fixed number of frames of a sequence of any length",
               "take the last frame ([:, -1]) or all but a fixed number of them")  # fmt: skip
    x = trimmed(x, a.start, lengths[0] - a.stop)
    if step in (None, 1):
        return x
    if not isinstance(step, int):
        refuse(call, "the step of a slice depends on the length of the sequence")
    y = windows(ctx, call, filled(ctx, call, x), Taps(1, 1, step))
    return replace(y, value=ctx.reshaped(y.value, x.frame, call))


def _side(bound: Any, k: int) -> Any:
    return (bound.a, bound.b)[k] if isinstance(bound, Varying) else bound


def at_end(dims: tuple[int | None, ...]) -> tuple[int, ...]:
    """Sizes of the last frame, kept as an axis of length 1."""
    return frame_of(tuple(1 if n is None else n for n in dims))
