"""When the outputs are known: the delay of the model, and how many steps it needs after the last frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgernn.capture.context import Context, refuse
from edgernn.capture.rules.timing import LENGTH_REMEDY, settled
from edgernn.capture.traced import Call, Ref
from edgernn.capture.values import Stream
from edgernn.ops import Bounded, Last


def aligned(ctx: Context, calls: Sequence[Call], outputs: Sequence[Any]) -> list[Any]:
    """What the module returns, all frames equally late; sets ``delay`` and ``tail`` of the graph."""
    results = [ctx.resolve(output) for output in outputs]
    timed = [r for r in results if isinstance(r, Stream) and r.time is not None]
    firsts, lasts = _bounds_of_ends(ctx)
    graph = ctx.builder.graph
    if not timed:
        graph.delay, graph.tail = max([0, *firsts]), max([0, *lasts])
        return results
    extra = timed[0].extra
    graph.delay = max([0, -extra, *firsts, *(last - extra for last in lasts), *(-r.lag for r in timed)])
    graph.tail = graph.delay + extra
    by_name = {call.name: call for call in calls}
    return [_aligned(ctx, by_name, o, r, extra) for o, r in zip(outputs, results, strict=True)]


def _bounds_of_ends(ctx: Context) -> tuple[list[int], list[int]]:
    """Of the values at the end of a sequence: first frames, and how long after its last frame they are known."""
    producers = ctx.builder.graph.producers()
    bounds = []
    for node in ctx.builder.graph.nodes:
        if isinstance(node.op, Last):
            source = producers.get(node.inputs[0])
            op = source.op if source is not None else None
            bounds.append((op.first, op.last) if isinstance(op, Bounded) else (0, 0))
    return [first for first, _ in bounds], [last for _, last in bounds]


def _aligned(ctx: Context, calls: dict[str, Call], output: Any, result: Any, extra: int) -> Any:
    if not isinstance(result, Stream) or not isinstance(output, Ref) or output.name not in calls:
        return result
    call = calls[output.name]
    if result.time is not None and result.extra != extra:
        refuse(call, f"outputs of different lengths: {result.extra} and {extra} frames more than the input",
               LENGTH_REMEDY)  # fmt: skip
    return settled(ctx, call, result, -ctx.builder.graph.delay)
