"""The sequence from its end to its beginning: only whole segments have it."""

from __future__ import annotations

from dataclasses import replace

from edgernn.capture.context import SEGMENT_REMEDY, Context, refuse
from edgernn.capture.rules.timing import advanced
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream
from edgernn.ops import Reverse


def reverse(ctx: Context, call: Call, value: str) -> str:
    """``value`` backwards, whose frames are those of the segment."""
    if not ctx.segment:
        refuse(
            call,
            "it reverses the sequence, so it needs the whole of it",
            f"convert it for whole segments ({SEGMENT_REMEDY})",
        )
    return ctx.add(Reverse(), [value], call, f"{value}_reversed")


def in_reverse(ctx: Context, call: Call, x: Stream) -> Stream:
    """``x`` flipped along time."""
    x = advanced(ctx, call, x) if ctx.segment else x
    return replace(x, value=reverse(ctx, call, x.value))
