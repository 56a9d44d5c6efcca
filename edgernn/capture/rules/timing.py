"""Frames before and after: padding, cutting and delaying along time.

A tensor that was padded or cut along time is the value it was made from, a number of frames later
(``Stream.lag``), with more or fewer frames at its end (``Stream.extra``). Nothing is computed until something
reads its frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgernn.capture.context import Context, refuse
from edgernn.capture.traced import LENGTHS, Call, Varying
from edgernn.capture.values import Constant, Stream, frame_of
from edgernn.ops import Reshape, Running, Slice, Window
from edgernn.ops.running import STARTS

CAUSAL = "pad on the left only, F.pad(x, (dilation * (kernel_size - 1), 0)), or pad both sides and cut the end off"
LENGTH_REMEDY = "keep as many frames as the input has; " + CAUSAL


def window(ctx: Context, call: Call, value: str, size: int, dilation: int, fill: float = 0.0) -> str:
    """The last ``size`` frames of ``value``, ``dilation`` apart, oldest first; before the first, ``fill``."""
    if size == 1:
        return ctx.add(Reshape((1, *ctx.builder.graph.values[value].shape)), [value], call)
    op = Window(size, dilation)
    shape = (op.span, *ctx.builder.graph.values[value].shape)
    start = ctx.builder.constant(np.full(shape, fill, np.float32), f"{call.path or call.name}_start")
    try:
        return ctx.builder.add(op, [value, start], f"{call.path or call.name}_window")[0]
    except ValueError as error:
        refuse(call, f"its operands do not fit: {error}")


def delayed(ctx: Context, call: Call, value: str, frames: int) -> str:
    """``value`` some frames later, zeros before."""
    if frames == 0:
        return value
    if ctx.builder.graph.values[value].dtype != "float32":
        refuse(call, "integer inputs are delayed", "delay what is computed from them")
    shape = ctx.builder.graph.values[value].shape
    both = window(ctx, call, value, 2, frames)
    first = ctx.add(Slice(-1 - len(shape), 0, 1), [both], call)
    return ctx.add(Reshape(shape), [first], call)


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


def settled(ctx: Context, call: Call, x: Stream) -> Stream:
    """``x`` such that its frame j is frame j of its value."""
    if x.lag < 0:
        refuse(call, f"it needs {-x.lag} frames after the current one", CAUSAL)
    return replace(x, value=delayed(ctx, call, x.value, x.lag), lag=0) if x.lag else x


def whole(call: Call, x: Stream) -> Stream:
    """``x``, which must have as many frames as the input: its end is the end of the stream."""
    if x.extra:
        more = f"{abs(x.extra)} frames {'more' if x.extra > 0 else 'less'} than the input"
        refuse(call, f"the sequence it works on has {more}", LENGTH_REMEDY)
    return x


def padded(call: Call, x: Stream, before: int, after: int, value: float) -> Stream:
    """``x`` with frames of ``value`` before and after."""
    if value != 0.0:
        refuse(call, f"frames of {value} are put around the sequence", "pad time with zeros")
    if before < 0 or after < 0:
        refuse(call, "negative padding of time", "use a slice")
    if before and x.lag < 0:
        refuse(call, f"it needs {-x.lag} frames after the current one, before it is padded", "pad first, then cut")
    return replace(x, lag=x.lag + before, extra=x.extra + before + after)


def zeros_around(call: Call, parts: Sequence[Any], axis: int) -> Stream | None:
    """The sequence among ``parts``, which are joined along time, padded; None where not only zeros are joined to it."""
    at = [k for k, part in enumerate(parts) if isinstance(part, Stream)]
    if len(at) != 1 or parts[at[0]].time != axis:
        return None
    zeros = [part for part in parts if isinstance(part, Constant)]
    if not all(z.fixed and not z.a.any() for z in zeros):
        return None
    before, after = (sum(int(z.a.shape[axis]) for z in side) for side in (parts[: at[0]], parts[at[0] + 1 :]))
    return padded(call, parts[at[0]], before, after, 0.0)


def cut(call: Call, x: Stream, start: Any, stop: Any, step: Any) -> Stream | None:
    """``x[start:stop]`` along time; None where it is the last frame alone."""
    if step != 1:
        refuse(call, "it takes every other frame", "keep all frames")
    lengths = [n + x.extra for n in LENGTHS]
    ranges = [
        range(*slice(_side(start, k), _side(stop, k)).indices(length)) for k, length in enumerate(lengths)
    ]
    a, b = ranges
    if len(a) == len(b) == 1 and all(r[0] == n - 1 for r, n in zip(ranges, lengths, strict=True)):
        return None
    if a.start != b.start or len(b) - len(a) != LENGTHS[1] - LENGTHS[0]:
        refuse(call, "it cuts the sequence, so the frames of input and output no longer correspond",
               "take the last frame ([:, -1]) or all of them; cut the sequence outside the model")  # fmt: skip
    return replace(x, lag=x.lag - a.start, extra=len(a) - LENGTHS[0])


def _side(bound: Any, k: int) -> Any:
    return (bound.a, bound.b)[k] if isinstance(bound, Varying) else bound


def at_end(dims: tuple[int | None, ...]) -> tuple[int, ...]:
    """Sizes of the last frame, kept as an axis of length 1."""
    return frame_of(tuple(1 if n is None else n for n in dims))
