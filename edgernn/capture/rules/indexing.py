"""Indices and assignments to parts of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edgernn.capture.context import Context, number, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.picking import picked
from edgernn.capture.rules.shape import joined, last_frame
from edgernn.capture.traced import Call, Varying
from edgernn.capture.values import Constant, Stream, Tracked, frame_of
from edgernn.ops import Expand, Slice

REMEDY = "take the last frame ([:, -1], or [range(1), lengths - 1]), or index features by numbers that are fixed"


def index(ctx: Context, call: Call) -> Tracked:
    """``x[rows, lengths - 1]``, the last frame; ``x[..., [0, 2, 5]]``, fixed entries of an axis of a frame."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    indices = [ctx.resolve(i) for i in call.args[1]]
    if x.time is not None and x.time < len(indices) and indices[x.time] is not None:
        return _at_time(ctx, call, x, indices)
    given = [k for k, i in enumerate(indices) if i is not None]
    at = indices[given[0]] if len(given) == 1 else None
    if not isinstance(at, Constant) or not at.fixed or at.a.ndim != 1 or at.a.dtype is torch.bool:
        refuse(call, "indexing by a tensor", REMEDY)
    return _entries(ctx, call, x, frame_axis(call, x, given[0]), at)


def _at_time(ctx: Context, call: Call, x: Stream, indices: Sequence[Any]) -> Stream:
    if not _is_last(call, x, indices[x.time or 0]) or any(not _selects_all(x, k, i) for k, i in enumerate(indices)):
        refuse(call, "frames are picked by index", REMEDY)
    y = last_frame(ctx, call, x, -1)
    dims = plain_dims(call)
    return Stream(ctx.reshaped(y.value, frame_of(dims), call), dims)


def _selects_all(x: Stream, axis: int, at: Any) -> bool:
    """Whether an index next to that of time leaves the frame whole: none, or 0 into an axis of length 1."""
    if axis == x.time or at is None:
        return True
    return isinstance(at, Constant) and at.a.numel() == 1 and not at.a.any() and x.dims[axis] == 1


def _is_last(call: Call, x: Stream, at: Any) -> bool:
    """Whether every entry of a constant index is T - 1 (or -1)."""
    if not isinstance(at, Constant) or at.a.dtype is torch.bool:
        return False
    pairs = zip((at.a, at.b), (n + x.extra for n in call.lengths(x.rate)), strict=True)
    return all(t.numel() > 0 and set(t.flatten().tolist()) in ({n - 1}, {-1}) for t, n in pairs)


def _entries(ctx: Context, call: Call, x: Stream, axis: int, at: Constant) -> Stream:
    size = x.frame[axis]
    wanted = [int(k) % size for k in at.a.tolist()]
    return Stream(picked(ctx, call, x, axis, wanted), plain_dims(call))


def index_select(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis, at = int(call.args[1]) % len(x.dims), ctx.resolve(call.args[2])
    if axis == x.time:
        if not _is_last(call, x, at) or at.a.numel() != 1:
            refuse(call, "frames are picked by index", REMEDY)
        return _last_kept(ctx, call, x)
    if not isinstance(at, Constant) or not at.fixed:
        refuse(call, "indexing by a tensor", REMEDY)
    return _entries(ctx, call, x, x.axis(axis), at)


def gather(ctx: Context, call: Call) -> Tracked:
    """Of the last frame: ``x.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, features))``."""
    x, at = stream_arg(call, ctx.resolve(call.args[0])), ctx.resolve(call.args[2])
    whole = tuple(1 if n is None else n for n in x.dims)
    if int(call.args[1]) % len(x.dims) != x.time or not _is_last(call, x, at) or tuple(at.a.shape) != whole:
        refuse(call, "indexing by a tensor", REMEDY)
    return _last_kept(ctx, call, x)


def _last_kept(ctx: Context, call: Call, x: Stream) -> Stream:
    """The last frame, with an axis of length 1 in place of time."""
    dims = tuple(1 if n is None else n for n in x.dims)
    return Stream(ctx.reshaped(last_frame(ctx, call, x, -1).value, frame_of(dims), call), dims)


def select_scatter(ctx: Context, call: Call) -> Tracked:
    """``x[..., k] = source``."""
    x, source = (ctx.resolve(a) for a in call.args[:2])
    dims = plain_dims(call)
    axis = int(call.args[2]) % len(dims)
    if isinstance(source, Constant):
        source = Constant(source.a.unsqueeze(axis), source.b.unsqueeze(axis))
    else:
        one = (*source.dims[:axis], 1, *source.dims[axis:])
        source = Stream(ctx.reshaped(source.value, frame_of(one), call), one)
    start = call.args[3] if isinstance(call.args[3], Varying) else int(call.args[3]) % (dims[axis] or 1)
    return _assigned(ctx, call, x, source, axis, start, None if isinstance(start, Varying) else start + 1)


def slice_scatter(ctx: Context, call: Call) -> Tracked:
    """``x[..., a:b] = source``."""
    x, source = (ctx.resolve(a) for a in call.args[:2])
    dims = plain_dims(call)
    axis = int(call.option("dim")) % len(dims)
    start, stop, step = (call.option(k) for k in ("start", "end", "step"))
    if dims[axis] is None and start in (None, 0) and (stop is None or isinstance(stop, Varying) or stop > 1 << 31):
        return _as_stream(ctx, call, source, dims)
    if dims[axis] is None or any(isinstance(v, Varying) for v in (start, stop)) or step != 1:
        refuse(call, "some of the frames are assigned", "treat every frame alike")
    first, last, _ = slice(start, stop).indices(dims[axis] or 0)
    return _assigned(ctx, call, x, source, axis, first, last)


def _assigned(ctx: Context, call: Call, x: Any, source: Any, axis: int, start: Any, stop: Any) -> Stream:
    dims = plain_dims(call)
    if dims[axis] is None:
        refuse(call, "some of the frames are assigned", "treat every frame alike")
    size = dims[axis] or 0
    parts = [_cut(ctx, call, x, axis, 0, start), source, _cut(ctx, call, x, axis, stop, size)]
    return joined(ctx, call, [p for p in parts if p is not None], axis)


def _cut(ctx: Context, call: Call, x: Any, axis: int, start: int, stop: int) -> Any:
    if start == stop:
        return None
    if isinstance(x, Constant):
        return Constant(x.a.narrow(axis, start, stop - start), x.b.narrow(axis, start, stop - start))
    value = ctx.add(Slice(x.axis(axis), start, stop), [x.value], call)
    return Stream(value, (*x.dims[:axis], stop - start, *x.dims[axis + 1 :]))


def copy(ctx: Context, call: Call) -> Tracked:
    """``x[...] = source``: the source, in the shape of x."""
    return _as_stream(ctx, call, ctx.resolve(call.args[1]), plain_dims(call))


def _as_stream(ctx: Context, call: Call, source: Any, dims: tuple[int | None, ...]) -> Stream:
    source = stream_arg(call, source, "source")
    (value,) = ctx.operands(call, [source], dims)
    return source if source.dims == dims else Stream(ctx.add(Expand(frame_of(dims)), [value], call), dims)


def fill(ctx: Context, call: Call) -> Tracked:
    """``x[...] = number``: a constant in the shape of x."""
    value = ctx.resolve(call.args[1])
    amount = float(value.a) if isinstance(value, Constant) and value.fixed and value.a.numel() == 1 else value
    lengths = [n + call.extra[0] for n in call.lengths(call.rates[0])]
    shapes = [tuple(length if n is None else n for n in plain_dims(call)) for length in lengths]
    return Constant(*(torch.full(shape, number(call, amount, "value")) for shape in shapes))


RULES: dict[str, Rule] = {
    "aten.index.Tensor": index,
    "aten.index_select.default": index_select,
    "aten.gather.default": gather,
    "aten.select_scatter.default": select_scatter,
    "aten.slice_scatter.default": slice_scatter,
    "aten.copy.default": copy,
    "aten.fill.Scalar": fill,
    "aten.fill.Tensor": fill,
}
