"""Entries of an axis of a frame, in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgernn.capture.context import Context, refuse
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream
from edgernn.ops import Concat, Slice

INDICES: dict[str, Callable[[int, int], int]] = {
    "reflect": lambda k, size: size - 1 - abs(size - 1 - abs(k)),
    "replicate": lambda k, size: min(max(k, 0), size - 1),
    "circular": lambda k, size: k % size,
}
"""Mode of F.pad -> which entry stands at place ``k`` of an axis of ``size`` entries."""


def picked(ctx: Context, call: Call, x: Stream, axis: int, wanted: Sequence[int]) -> str:
    """Entries ``wanted`` along the negative ``axis`` of a frame."""
    runs: list[list[int]] = []
    for k in wanted:
        if runs and runs[-1][1] == k:
            runs[-1][1] = k + 1
        else:
            runs.append([k, k + 1])
    parts = [ctx.add(Slice(axis, start, stop), [x.value], call) for start, stop in runs]
    return parts[0] if len(parts) == 1 else ctx.add(Concat(axis), parts, call)


def bordered(ctx: Context, call: Call, x: Stream, axis: int, before: int, after: int) -> Stream:
    """``x`` padded along an axis of the tensor by its own entries, as the mode of the call says."""
    mode = call.option("mode")
    if mode not in INDICES:
        refuse(call, f"padding of mode {mode!r}", "use constant padding")
    if axis == x.time:
        refuse(call, f"padding of time of mode {mode!r}: frames before the first would be frames to come",
               "pad time with zeros")  # fmt: skip
    position = x.axis(axis)
    size = x.frame[position]
    wanted = [INDICES[mode](k, size) for k in range(-before, size + after)]
    dims = (*x.dims[:axis], len(wanted), *x.dims[axis + 1 :])
    return replace(x, value=picked(ctx, call, x, position, wanted), dims=dims)
