"""Bidirectional layers that look a fixed number of frames ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgernn.capture.context import Context, fixed_array, plain_dims, refuse, stream_arg
from edgernn.capture.lookahead import TARGET
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.recurrent import (
    KINDS,
    add_layer,
    hint_of,
    initial_row,
    layer_frames,
    one_layer,
    state_sizes,
)
from edgernn.capture.rules.timing import common_lag, in_step, settled
from edgernn.capture.traced import Call
from edgernn.capture.values import Several, Stream, Tracked, frame_of, timed
from edgernn.ir.op import Array, Op
from edgernn.ops import Concat, Lookahead

NO_LAST_STATES = (
    "the last states of a layer with look-ahead are used: those of the backward direction belong to the first frame, "
    "which is long past when a sequence ends"
)


@dataclass(frozen=True)
class _Side:
    """One direction of one layer: its op, the constants of that, and its row among initial states."""

    op: Op
    constants: list[Array]
    row: int


@dataclass(frozen=True)
class _Settings:
    """What all layers of a call share. ``starts`` are initial states, one tensor for each kind of state."""

    chunk: int
    ahead: int
    rows: int
    starts: Sequence[Any]


def lookahead(ctx: Context, call: Call) -> Tracked:
    """The rule: for each layer the forward direction on frames that wait for the backward one's windows."""
    kind, given, initial, parameters, has_biases, count, chunk, ahead = call.args
    _check_mode(ctx, call)
    x = stream_arg(call, ctx.resolve(given))
    x = settled(ctx, call, x, common_lag([x], whole=True))
    x = timed(layer_frames(ctx, call, x, False, False), x.dims, x.lag, x.extra, x.rate)
    graph = ctx.builder.graph
    graph.hop = math.lcm(graph.hop, x.rate * chunk)
    weights = [fixed_array(call, p, "weights") for p in ctx.resolve(parameters)]
    settings = _Settings(chunk, ahead, 2 * count, ctx.resolve(initial))
    group = len(weights) // settings.rows
    sides = [
        _Side(*KINDS[kind][0](weights[row * group : (row + 1) * group], bool(has_biases)), row)
        for row in range(settings.rows)
    ]
    for layer in range(count):
        x = _both(ctx, call, x, settings, sides[2 * layer : 2 * layer + 2])
    dims = plain_dims(call)
    y = timed(ctx.reshaped(x.value, frame_of(dims), call), dims, x.lag, x.extra, x.rate)
    return Several((y,), NO_LAST_STATES)


def _check_mode(ctx: Context, call: Call) -> None:
    if ctx.segment:
        refuse(
            call,
            "a layer with look-ahead answers while frames come, chunk by chunk",
            "convert it as a stream; or, for segments, the bidirectional layer that it was made of",
        )
    if ctx.builder.graph.mode == "step":
        reason = "a step module sees one frame, a layer with look-ahead several"
        refuse(call, reason, "convert the module of whole sequences")


def _both(ctx: Context, call: Call, x: Stream, settings: _Settings, sides: Sequence[_Side]) -> Stream:
    """One layer: its two directions side by side, as late as the windows of the backward one."""
    forward, backward = sides
    op = Lookahead(backward.op, settings.chunk, settings.ahead, -x.lag)
    source = in_step(ctx, call, x.value, x)
    y, waiting = add_layer(
        ctx, call, op, [source, *_starts(ctx, call, settings, backward)], backward.constants,
        hint_of(call, backward.row, settings.rows),
    )  # fmt: skip
    late = timed(waiting, x.dims, -op.late, x.extra, x.rate)
    source = in_step(ctx, call, waiting, late)
    made = one_layer(
        ctx, call, forward.op, source, settings.starts, forward.constants, forward.row, settings.rows
    )  # fmt: skip
    value = ctx.add(Concat(-1), [made[0], y], call)
    return timed(value, late.dims, late.lag, late.extra, late.rate)


def _starts(ctx: Context, call: Call, settings: _Settings, side: _Side) -> list[str]:
    """What each window starts from, as constants."""
    names = []
    for start, size in zip(settings.starts, state_sizes(side.op), strict=True):
        array, port, _ = initial_row(ctx, call, start, side.row, size)
        if port:
            refuse(
                call,
                "the states from which windows start backwards are an argument of forward",
                "start from zeros, or from a parameter",
            )
        names.append(ctx.builder.constant(array, f"{hint_of(call, side.row, settings.rows)}_start"))
    return names


RULES: dict[str, Rule] = {TARGET: lookahead}
