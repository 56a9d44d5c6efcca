"""Operators that move elements, and those that compute sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import Fixed, OnnxNode, Value, fixed, ints, number, tensor, together


def shape(node: OnnxNode, x: Value) -> Value:
    sizes = _sizes(x)
    return Fixed(np.array(sizes[node.attr("start", 0) : node.attr("end", len(sizes))], np.int64))


def size(node: OnnxNode, x: Value) -> Value:
    return Fixed(np.array(math.prod(_sizes(x)), np.int64))


def _sizes(x: Value) -> list[int]:
    return list(x.array.shape if isinstance(x, Fixed) else x.shape)


def reshape(node: OnnxNode, x: Value, target: Value) -> Value:
    y = tensor(x)
    sizes = ints(node, target, "shape")
    if not node.attr("allowzero", 0):
        sizes = [y.shape[k] if n == 0 else n for k, n in enumerate(sizes)]
    return y.reshape(sizes)


def flatten(node: OnnxNode, x: Value) -> Value:
    y, axis = tensor(x), node.attr("axis", 1)
    axis = axis + y.ndim if axis < 0 else axis
    return y.reshape(math.prod(y.shape[:axis]), math.prod(y.shape[axis:]))


def axes(node: OnnxNode, given: Value | None) -> list[int] | None:
    """Axes that are an attribute in older operator sets and an input in newer ones."""
    if given is not None:
        return ints(node, given, "axes")
    found: list[int] | None = node.attr("axes")
    return found


def squeeze(node: OnnxNode, x: Value, given: Value | None = None) -> Value:
    y, at = tensor(x), axes(node, given)
    if at is None:
        at = [k for k, n in enumerate(y.shape) if n == 1]
    return y.squeeze(tuple(at))


def unsqueeze(node: OnnxNode, x: Value, given: Value | None = None) -> Value:
    y, at = tensor(x), axes(node, given) or []
    rank = y.ndim + len(at)
    for axis in sorted(a % rank for a in at):
        y = y.unsqueeze(axis)
    return y


def transpose(node: OnnxNode, x: Value) -> Value:
    y = tensor(x)
    return y.permute(node.attr("perm", list(range(y.ndim))[::-1]))


def concat(node: OnnxNode, *parts: Value) -> Value:
    return torch.cat(together(*parts), node.attr("axis"))


def split(node: OnnxNode, x: Value, given: Value | None = None) -> list[Value]:
    y, axis = tensor(x), node.attr("axis", 0)
    sizes = ints(node, given, "sizes") if given is not None else node.attr("split")
    if sizes is None:
        count = node.attr("num_outputs", len(node.outputs))
        piece = -(-y.shape[axis] // count)
        sizes = [min(piece, y.shape[axis] - k) for k in range(0, y.shape[axis], piece)]
    return list(torch.split(y, sizes, axis))


def slice_(node: OnnxNode, x: Value, *given: Value | None) -> Value:
    y = tensor(x)
    if given:
        bounds = [ints(node, v, "bounds") if v is not None else None for v in (*given, None, None)[:4]]
        starts, ends, at, steps = bounds
    else:
        starts, ends, at, steps = node.attr("starts"), node.attr("ends"), node.attr("axes"), None
    starts, ends = starts or [], ends or []
    at, steps = at or list(range(len(starts))), steps or [1] * len(starts)
    for axis, start, end, step in zip(at, starts, ends, steps, strict=True):
        y = _cut(node, y, axis % y.ndim, start, end, step)
    return y


def _cut(node: OnnxNode, y: torch.Tensor, axis: int, start: int, end: int, step: int) -> torch.Tensor:
    if step > 0:
        return y[(slice(None),) * axis + (slice(start, end, step),)]
    wanted = range(y.shape[axis])[start : end if end >= -y.shape[axis] else None : step]
    if step == -1 and len(wanted) == y.shape[axis]:
        return y.flip(axis)
    return y.index_select(axis, torch.tensor(list(wanted)))


def gather(node: OnnxNode, x: Value, at: Value) -> Value:
    """An embedding where the indices are data; else fixed entries of an axis."""
    axis = node.attr("axis", 0)
    if isinstance(at, torch.Tensor):
        if axis != 0 or not isinstance(x, Fixed) or x.array.ndim != 2:
            node.refuse("it looks up rows by computed indices in something else than a constant table of two axes")
        return F.embedding(at.long(), tensor(x))
    y, indices = tensor(x), fixed(node, at, "indices")
    if indices.ndim == 0:
        return y.select(axis, int(indices))
    if indices.size == 1:
        k = int(indices.reshape(-1)[0])
        picked = y[(slice(None),) * (axis % y.ndim) + (slice(k, k + 1 if k != -1 else None),)]
    else:
        picked = y.index_select(axis, torch.from_numpy(indices.reshape(-1) % y.shape[axis]))
    axis %= y.ndim
    return picked if indices.ndim == 1 else picked.reshape(*y.shape[:axis], *indices.shape, *y.shape[axis + 1 :])


def expand(node: OnnxNode, x: Value, target: Value) -> Value:
    y, wanted = tensor(x), ints(node, target, "shape")
    sizes = np.broadcast_shapes(tuple(y.shape), tuple(wanted))
    return y.expand(sizes)


def tile(node: OnnxNode, x: Value, repeats: Value) -> Value:
    return tensor(x).repeat(ints(node, repeats, "repeats"))


def pad(
    node: OnnxNode, x: Value, pads: Value | None = None, fill: Value | None = None, at: Value | None = None
) -> Value:
    y, mode = tensor(x), {"edge": "replicate", "wrap": "circular"}.get(node.attr("mode"), node.attr("mode", "constant"))
    widths = ints(node, pads, "widths") if pads is not None else node.attr("pads")
    value = float(number(node, fill, "value")) if fill is not None else float(node.attr("value", 0.0))
    places = [a % y.ndim for a in ints(node, at, "axes")] if at is not None else list(range(y.ndim))
    pairs = [(0, 0)] * y.ndim
    for k, axis in enumerate(places):
        pairs[axis] = (widths[k], widths[k + len(places)])
    if mode != "constant":
        return _bordered(node, y, pairs, mode)
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    flat = [n for pair in reversed(pairs) for n in pair]
    return F.pad(y, flat, mode, value) if flat else y


def _bordered(node: OnnxNode, y: torch.Tensor, pairs: list[tuple[int, int]], mode: str) -> torch.Tensor:
    """One axis, as the last of three: F.pad pads others by their border only in some ranks."""
    padded = [axis for axis, pair in enumerate(pairs) if pair != (0, 0)]
    if len(padded) > 1:
        node.refuse(f"padding of mode {mode!r} of several axes", "pad one axis, or pad with zeros")
    for axis in padded:
        moved = y.movedim(axis, -1)
        flat = F.pad(moved.reshape(1, -1, moved.shape[-1]), pairs[axis], mode)
        y = flat.reshape(*moved.shape[:-1], flat.shape[-1]).movedim(-1, axis)
    return y


def constant_of_shape(node: OnnxNode, *operands: Any) -> Value:
    node.refuse("the size of its result is computed from the data")


def trilu(node: OnnxNode, x: Value, k: Value | None = None) -> Value:
    cut = torch.triu if node.attr("upper", 1) else torch.tril
    return cut(tensor(x), int(number(node, k, "diagonal")) if k is not None else 0)


def depth(node: OnnxNode, indices: Value, count: Value, values: Value) -> Value:
    """OneHot along the last axis."""
    if node.attr("axis", -1) != -1:
        node.refuse("one_hot along another axis than the last")
    off, on = fixed(node, values, "values").reshape(-1).tolist()
    rows: torch.Tensor = F.one_hot(tensor(indices).long(), int(number(node, count, "depth")))
    scaled: torch.Tensor = rows.float() * (on - off) + off
    return scaled


OPERATORS: dict[str, Operator] = {
    "Shape": shape,
    "Size": size,
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Split": split,
    "Slice": slice_,
    "Gather": gather,
    "Expand": expand,
    "Tile": tile,
    "Pad": pad,
    "Trilu": trilu,
    "OneHot": depth,
    **dict.fromkeys(("ConstantOfShape", "Range"), constant_of_shape),
}
