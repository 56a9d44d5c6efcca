"""Rules that move elements: views, permutations, slices, concatenations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from edgernn.capture.context import SEGMENT_REMEDY, Context, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis
from edgernn.capture.rules.framing import frames_before, show_dims, stacked_frames
from edgernn.capture.rules.picking import bordered
from edgernn.capture.rules.reversal import in_reverse
from edgernn.capture.rules.timing import common_lag, cut, last_of, padded, settled, together, zeros_around
from edgernn.capture.traced import Call, Varying
from edgernn.capture.values import Constant, Several, Stream, Tracked, frame_of, timed
from edgernn.ops import Concat, Expand, Last, Slice, Transpose

WHOLE_REMEDY = "take the last frame ([:, -1]) or all of them; cut the sequence outside the model"


def identity(ctx: Context, call: Call) -> Tracked:
    return stream_arg(call, ctx.resolve(call.args[0]))


def dropout(ctx: Context, call: Call) -> Tracked:
    if call.option("train") is True:
        refuse(
            call,
            "it drops values in evaluation mode too",
            "call F.dropout with training=self.training, or use nn.Dropout",
        )
    return identity(ctx, call)


HALF = (torch.float16, torch.bfloat16)


def to_dtype(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    if call.dtype is None or call.dtype.is_floating_point == ctx.is_integer(x):
        refuse(call, f"a conversion of the input to {call.dtype}", "give the input in the dtype that the layers need")
    if call.dtype in HALF:
        refuse(call, f"it computes in {call.dtype}", "drop the conversion: edgernn computes in float32")
    return x


def view(ctx: Context, call: Call) -> Tracked:
    """Any operator that keeps the elements and their order: view, reshape, flatten, squeeze, unsqueeze, ..."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    dims = plain_dims(call)
    if x.time is not None and None in dims and call.rates[0] != x.rate:
        return stacked_frames(ctx, call, x, dims)
    if x.time is not None and (None not in dims or frames_before(x.dims) != frames_before(dims)):
        refuse(
            call,
            f"it mixes time with other axes ({show_dims(x.dims)} to {show_dims(dims)})",
            "move the axis of time with transpose or permute, not with view",
        )
    return Stream(ctx.reshaped(x.value, frame_of(dims), call), dims)


def permute(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    return permuted(ctx, call, x, [int(a) % len(x.dims) for a in call.args[1]])


def transpose(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axes = list(range(len(x.dims)))
    first, second = (int(a) % len(axes) for a in (call.args[1:3] or (0, -1)))
    axes[first], axes[second] = axes[second], axes[first]
    return permuted(ctx, call, x, axes)


def last_two_swapped(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    rank = len(x.dims)
    return permuted(ctx, call, x, [*range(rank - 2), rank - 1, rank - 2])


def matrix_t(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    return permuted(ctx, call, x, list(range(len(x.dims)))[::-1])


def permuted(ctx: Context, call: Call, x: Stream, axes: list[int]) -> Stream:
    """``x.permute(axes)``."""
    dims = tuple(x.dims[a] for a in axes)
    frame_axes = tuple(x.axis(a) for a in axes if a != x.time)
    if frame_axes == tuple(range(-len(frame_axes), 0)):
        return Stream(x.value, dims)
    return Stream(ctx.add(Transpose(frame_axes), [x.value], call), dims)


def movedim(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    source, target = ([a] if isinstance(a, int) else list(a) for a in call.args[1:3])
    rank = len(x.dims)
    placed = {t % rank: s % rank for s, t in zip(source, target, strict=True)}
    rest = iter(a for a in range(rank) if a not in placed.values())
    return permuted(ctx, call, x, [placed[k] if k in placed else next(rest) for k in range(rank)])


def expand(ctx: Context, call: Call) -> Tracked:
    return _expanded(ctx, call, stream_arg(call, ctx.resolve(call.args[0])), plain_dims(call))


def _expanded(ctx: Context, call: Call, x: Stream, dims: tuple[int | None, ...]) -> Stream:
    if x.dims == dims:
        return x
    if None in dims and x.time is None and ctx.is_final(x):
        if not ctx.segment:
            refuse(
                call,
                "a value of the end of the sequence is repeated for every frame: the future would be needed",
                "feed it to the frames that follow instead: as a state, or as an input of another model; or convert "
                f"whole segments ({SEGMENT_REMEDY})",
            )
        x = ctx.spread(x)
    (value,) = ctx.operands(call, [x], dims)
    return Stream(ctx.add(Expand(frame_of(dims)), [value], call), dims)


def repeat(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    counts = list(call.args[1])
    padded: tuple[int | None, ...] = (1,) * (len(counts) - len(x.dims)) + x.dims
    if x.time is not None and counts[padded.index(None)] != 1:
        refuse(call, "the sequence is repeated", WHOLE_REMEDY)
    x = Stream(ctx.reshaped(x.value, frame_of(padded), call), padded)
    for axis, (size, count) in enumerate(zip(padded, counts, strict=True)):
        if size not in (1, None) and count != 1:
            value = ctx.add(Concat(x.axis(axis)), [x.value] * count, call)
            x = Stream(value, (*x.dims[:axis], size * count, *x.dims[axis + 1 :]))
    return _expanded(ctx, call, x, plain_dims(call))


def select(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis, index = int(call.args[1]), call.args[2]
    if axis % len(x.dims) == x.time:
        return last_frame(ctx, call, x, index)
    if isinstance(index, Varying):
        refuse(call, "an index depends on the length of the sequence")
    position = frame_axis(call, x, axis)
    start = int(index) % x.frame[position]
    part = ctx.add(Slice(position, start, start + 1), [x.value], call)
    dims = plain_dims(call)
    return replace(x, value=ctx.reshaped(part, frame_of(dims), call), dims=dims)


def last_frame(ctx: Context, call: Call, x: Stream, index: Any) -> Stream:
    """``x[..., index]`` along time: only the last frame streams; of a segment, the first may be taken too."""
    if index == 0 and ctx.segment:
        return Stream(ctx.add(Last(), [in_reverse(ctx, call, x).value], call), x.frame)
    a, b = (n + x.extra for n in call.lengths(x.rate))
    lengths = (a, b)
    if index != -1 and not (isinstance(index, Varying) and index.from_end(lengths) == 1):
        refuse(call, f"frame {index.a if isinstance(index, Varying) else index} of the sequence is taken", WHOLE_REMEDY)
    (x,) = together(ctx, call, [x], whole=True)
    return Stream(last_of(ctx, call, x.value, x), x.frame)


def slice_(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = int(call.option("dim")) % len(x.dims)
    start, stop, step = (call.option(name) for name in ("start", "end", "step"))
    if axis == x.time:
        return _slice_time(ctx, call, x, start, stop, step)
    if any(isinstance(v, Varying) for v in (start, stop, step)):
        refuse(call, "a bound depends on the length of the sequence")
    size = x.dims[axis] or 1
    begin, end, stride = slice(start, stop, step).indices(size)
    if (begin, end, stride) == (0, size, 1):
        return x
    return replace(x, value=ctx.add(Slice(x.axis(axis), begin, end, stride), [x.value], call), dims=plain_dims(call))


def _slice_time(ctx: Context, call: Call, x: Stream, start: Any, stop: Any, step: Any) -> Stream:
    part = cut(ctx, call, x, start, stop, step)
    if part is not None:
        return part
    dims = tuple(1 if n is None else n for n in x.dims)
    return Stream(ctx.reshaped(last_frame(ctx, call, x, -1).value, frame_of(dims), call), dims)


def narrow(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis, start, length = call.args[1:4]
    return _pieces(ctx, call, x, frame_axis(call, x, axis), [(start, start + length)]).items[0]


def split(ctx: Context, call: Call) -> Tracked:
    """split by size or sizes."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = frame_axis(call, x, _third(call, 0))
    total, sizes = x.frame[axis], call.args[1]
    if isinstance(sizes, int):
        sizes = [sizes] * (total // sizes) + ([total % sizes] if total % sizes else [])
    return _pieces(ctx, call, x, axis, _bounds(sizes))


def chunk(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = frame_axis(call, x, _third(call, 0))
    total = x.frame[axis]
    size = -(-total // int(call.args[1]))
    return _pieces(ctx, call, x, axis, [(k, min(k + size, total)) for k in range(0, total, size)])


def unbind(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = frame_axis(call, x, call.args[1] if len(call.args) > 1 else 0)
    pieces = _pieces(ctx, call, x, axis, [(k, k + 1) for k in range(x.frame[axis])])
    shapes = [plain_dims(call, k) for k in range(len(pieces.items))]
    return Several(tuple(
        Stream(ctx.reshaped(p.value, frame_of(d), call), d)
        for p, d in zip(pieces.items, shapes, strict=True) if isinstance(p, Stream)
    ))  # fmt: skip


def _third(call: Call, default: int) -> Any:
    return call.args[2] if len(call.args) > 2 else call.kwargs.get("dim", default)


def _bounds(sizes: Sequence[int]) -> list[tuple[int, int]]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [(s, s + n) for s, n in zip(starts, sizes, strict=True)]


def _pieces(ctx: Context, call: Call, x: Stream, axis: int, bounds: Sequence[tuple[int, int]]) -> Several:
    items = []
    position = _torch_axis(x, axis)
    for start, stop in bounds:
        value = ctx.add(Slice(axis, start, stop), [x.value], call)
        items.append(Stream(value, (*x.dims[:position], stop - start, *x.dims[position + 1 :])))
    return Several(tuple(items))


def _torch_axis(x: Stream, axis: int) -> int:
    return next(k for k in range(len(x.dims)) if k != x.time and x.axis(k) == axis)


def cat(ctx: Context, call: Call) -> Tracked:
    parts = [p for p in ctx.resolve(call.args[0]) if not _empty(p)]
    axis = int(call.args[1]) if len(call.args) > 1 else int(call.kwargs.get("dim", 0))
    around = zeros_around(ctx, call, parts, axis % len(call.shapes[0]))
    if around is not None:
        return around
    lag = common_lag([p for p in parts if isinstance(p, Stream)])
    return joined(ctx, call, [settled(ctx, call, p, lag) if isinstance(p, Stream) else p for p in parts], axis)


def _empty(part: Any) -> bool:
    return isinstance(part, Constant) and part.a.ndim == 1 and part.a.numel() == 0


def joined(ctx: Context, call: Call, parts: Sequence[Any], axis: int) -> Stream:
    """Concatenation along an axis that is not time."""
    dims = plain_dims(call)
    axis %= len(dims)
    parts = ctx.aligned(call, parts)
    streams = [p for p in parts if isinstance(p, Stream)]
    if any(s.time == axis for s in streams) or axis == (dims.index(None) if None in dims else None):
        refuse(call, "sequences are joined one after the other", WHOLE_REMEDY)
    if len({ctx.is_integer(s) for s in streams}) > 1:
        refuse(call, "integers and floats are joined")
    names = [_part(ctx, call, p, dims) for p in parts]
    ctx.operands(call, [s for s in streams if not ctx.is_integer(s)], dims)
    value = ctx.stream(Concat(Stream("", dims).axis(axis)), names, call).value
    extra = next((s.extra for s in streams if s.time is not None), 0)
    rate = next((s.rate for s in streams if s.time is not None), 1)
    return timed(value, dims, common_lag(streams), extra, rate)


def _part(ctx: Context, call: Call, part: Any, dims: tuple[int | None, ...]) -> str:
    if isinstance(part, Stream):
        if (part.time is None) != (None not in dims) or part.time != (dims.index(None) if None in dims else None):
            refuse(call, "tensors with and without time are joined", "expand the one without time to all frames first")
        return part.value
    return ctx.operands(call, [part], dims)[0]


def stack(ctx: Context, call: Call) -> Tracked:
    parts = ctx.resolve(call.args[0])
    dims = plain_dims(call)
    axis = (int(call.args[1]) if len(call.args) > 1 else int(call.kwargs.get("dim", 0))) % len(dims)
    expanded: list[Any] = []
    for part in parts:
        if isinstance(part, Constant):
            expanded.append(Constant(part.a.unsqueeze(axis), part.b.unsqueeze(axis)))
            continue
        one = (*part.dims[:axis], 1, *part.dims[axis:])
        expanded.append(Stream(ctx.reshaped(part.value, frame_of(one), call), one))
    return joined(ctx, call, expanded, axis)


def pad(ctx: Context, call: Call) -> Tracked:
    """Padding by a constant, or by entries of the tensor."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    widths, value = list(call.args[1]), call.option("value")
    bordering = call.option("mode") not in (None, "constant")
    for k in range(0, len(widths), 2):
        if bordering:
            x = settled(ctx, call, x, common_lag([x]))
            x = bordered(ctx, call, x, len(x.dims) - 1 - k // 2, widths[k], widths[k + 1])
        elif widths[k : k + 2] != [0, 0]:
            x = padded_axis(ctx, call, x, len(x.dims) - 1 - k // 2, widths[k], widths[k + 1], float(value or 0.0))
    return x


def padded_axis(ctx: Context, call: Call, x: Stream, axis: int, before: int, after: int, value: float) -> Stream:
    """``x`` with entries of ``value`` before and after along an axis."""
    if axis == x.time:
        return padded(ctx, call, x, before, after, value)
    # A frame of zeros that is padded with zeros is one still: the padding of time may stay as it is.
    x, position = x if value == 0.0 else settled(ctx, call, x, common_lag([x])), frame_axis(call, x, axis)
    if before < 0 or after < 0:
        refuse(call, "negative padding", "use a slice")
    names = [x.value]
    if before:
        names.insert(0, _block(ctx, call, x, position, before, value))
    if after:
        names.append(_block(ctx, call, x, position, after, value))
    size = x.frame[position] + before + after
    joined_name = ctx.add(Concat(position), names, call)
    return replace(x, value=joined_name, dims=(*x.dims[:axis], size, *x.dims[axis + 1 :]), zero=x.zero and value == 0.0)


def _block(ctx: Context, call: Call, x: Stream, position: int, width: int, value: float) -> str:
    shape = list(x.frame)
    shape[position] = width
    return ctx.builder.constant(np.full(shape, value, np.float32), f"{call.name}_padding")


def flip(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    for axis in call.args[1]:
        if axis % len(x.dims) == x.time:
            x = in_reverse(ctx, call, x)
            continue
        position = frame_axis(call, x, axis)
        size = x.frame[position]
        parts = [ctx.add(Slice(position, k, k + 1), [x.value], call) for k in range(size)][::-1]
        x = replace(x, value=ctx.add(Concat(position), parts, call))
    return x


VIEWS = (
    "view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints", "unflatten.int", "squeeze.default",
    "squeeze.dim", "squeeze.dims", "unsqueeze.default", "view_as.default", "reshape_as.default",
)  # fmt: skip
DROPOUTS = ("dropout.default", "feature_dropout.default", "alpha_dropout.default", "feature_alpha_dropout.default")
IDENTITIES = (
    "clone.default", "contiguous.default", "detach.default", "alias.default", "lift_fresh_copy.default",
    "detach_.default",
)  # fmt: skip
CONVERSIONS = (
    "to.dtype", "to.dtype_layout", "_to_copy.default", "to.device", "type_as.default", "to.other", "float.default",
)  # fmt: skip
RULES: dict[str, Rule] = {
    **{f"aten.{name}": view for name in VIEWS},
    **{f"aten.{name}": identity for name in IDENTITIES},
    **{f"aten.{name}": dropout for name in DROPOUTS},
    **{f"aten.{name}": to_dtype for name in CONVERSIONS},
    "aten.permute.default": permute,
    "aten.transpose.int": transpose,
    "aten.swapaxes.default": transpose,
    "aten.mT.default": last_two_swapped,
    "aten.t.default": matrix_t,
    "aten.numpy_T.default": matrix_t,
    "aten.movedim.intlist": movedim,
    "aten.movedim.int": movedim,
    "aten.expand.default": expand,
    "aten.expand_as.default": expand,
    "aten.repeat.default": repeat,
    "aten.select.int": select,
    "aten.slice.Tensor": slice_,
    "aten.narrow.default": narrow,
    "aten.split.Tensor": split,
    "aten.split.sizes": split,
    "aten.split_with_sizes.default": split,
    "aten.chunk.default": chunk,
    "aten.unbind.int": unbind,
    "aten.cat.default": cat,
    "aten.concat.default": cat,
    "aten.stack.default": stack,
    "aten.pad.default": pad,
    "aten.constant_pad_nd.default": pad,
    "aten.flip.default": flip,
}  # fmt: skip

MOVING = (identity, dropout, view, permute, transpose, last_two_swapped, movedim)
MOVES = frozenset(name for name, rule in RULES.items() if rule in MOVING)
"""Operators that only move the elements of a frame: frames of zeros stay so."""
