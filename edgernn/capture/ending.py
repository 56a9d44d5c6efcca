"""When the outputs are known: the delay of the model, and how many steps it needs after the last frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgernn.capture.context import Context, refuse
from edgernn.capture.rules.timing import LENGTH_REMEDY, advanced, settled
from edgernn.capture.traced import Call, Ref
from edgernn.capture.values import Stream
from edgernn.ops import Bounded, Last


def aligned(ctx: Context, calls: Sequence[Call], outputs: Sequence[Any]) -> list[Any]:
    """What the module returns, all frames equally late; sets ``delay`` and ``tail`` of the graph."""
    results = [ctx.resolve(output) for output in outputs]
    timed = [r for r in results if isinstance(r, Stream) and r.time is not None]
    firsts, lasts = _bounds_of_ends(ctx)
    graph = ctx.builder.graph
    by_name = {call.name: call for call in calls}
    made = [by_name.get(o.name) if isinstance(o, Ref) else None for o in outputs]
    pairs = list(zip(made, results, strict=True))
    if ctx.segment:
        return [advanced(ctx, call, r) if call is not None and isinstance(r, Stream) else r for call, r in pairs]
    if not timed:
        graph.delay, graph.tail = max([0, *firsts]), max([0, *lasts])
        return results
    extra = _extra_steps(graph.hop, timed[0])
    late = [-(r.lag // (graph.hop // r.rate)) for r in timed]
    graph.delay = max([0, -(extra or 0), *firsts, *(last - (extra or 0) for last in lasts), *late])
    graph.tail = graph.delay + (extra or 0)
    return [_aligned(ctx, call, r, extra) if call is not None and isinstance(r, Stream) else r for call, r in pairs]


def _extra_steps(hop: int, result: Stream) -> int | None:
    """How many steps more than the input a sequence of frames has; None where it is no whole number."""
    steps, rest = divmod(result.extra, hop // result.rate)
    return None if rest else steps


def _bounds_of_ends(ctx: Context) -> tuple[list[int], list[int]]:
    """Of the values at the end of a sequence: first frames, and how long after its last frame they are known."""
    graph = ctx.builder.graph
    producers = graph.producers()
    bounds = []
    for node in graph.nodes:
        if isinstance(node.op, Last):
            source, frames = producers.get(node.inputs[0]), graph.frames(node.inputs[0])
            op = source.op if source is not None else None
            found = (op.first, op.last) if isinstance(op, Bounded) else (0, 0)
            bounds.append(tuple(-(-n // frames) for n in found))
    return [first for first, _ in bounds], [last for _, last in bounds]


def _aligned(ctx: Context, call: Call, result: Stream, extra: int | None) -> Stream:
    if result.time is None:
        return result
    graph = ctx.builder.graph
    found = _extra_steps(graph.hop, result)
    if found is None or extra is None:
        refuse(call, f"the output has {result.extra} frames more than one for {result.rate} of the input, which are no "
               f"whole steps of {graph.hop} frames of input", LENGTH_REMEDY)  # fmt: skip
    if found != extra:
        reason = f"outputs of different lengths: {found} steps more than the input, and others {extra}"
        refuse(call, reason, LENGTH_REMEDY)
    return settled(ctx, call, result, -graph.delay * (graph.hop // result.rate))
