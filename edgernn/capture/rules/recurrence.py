"""Recurrences given as a function of one frame, which becomes a step program of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edgernn.capture.context import Context, GivenState, fixed_array, plain_dims, refuse, several, stream_arg
from edgernn.capture.given import initial
from edgernn.capture.recurrence import TARGET, Body, body_named
from edgernn.capture.results import Captured
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.timing import in_step, last_of
from edgernn.capture.spec import CallSpec, InputSpec
from edgernn.capture.traced import Call
from edgernn.capture.values import Stream, Tracked, frame_of
from edgernn.ops import Recurrence
from edgernn.ops.recurrence import inlined


class _Cell(torch.nn.Module):
    """A body as a step module, its weights as buffers."""

    def __init__(self, body: Body, weights: Sequence[torch.Tensor], sequences: int) -> None:
        super().__init__()
        self._body, self._sequences, self._count = body, sequences, len(weights)
        for k, weight in enumerate(weights):
            self.register_buffer(f"weight_{k}", weight)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        weights = [self.get_buffer(f"weight_{k}") for k in range(self._count)]
        outputs, states = self._body(tensors[: self._sequences], tensors[self._sequences :], weights)
        return *outputs, *states


def recurrence(ctx: Context, call: Call) -> Tracked:
    """The rule: frames of the sequences go in, the states are the graph's."""
    name, sequences, states, weights = (ctx.resolve(a) for a in call.args)
    step = ctx.builder.graph.mode == "step"
    timing = next((x for x in sequences if isinstance(x, Stream) and x.time is not None), sequences[0])
    frames = [_frames(ctx, call, stream_arg(call, x), step) for x in sequences]
    arrays = [torch.from_numpy(fixed_array(call, w, "weights")) for w in weights]
    kinds = ["int" if ctx.is_integer(x) else "float" for x in sequences]
    shapes = [frame_of(x.dims)[1:] if step else x.frame for x in sequences]
    sizes = [tuple(plain_dims(call, len(call.shapes) - len(states) + k)) for k in range(len(states))]
    specs = [InputSpec(s, kind) for s, kind in zip(shapes, kinds, strict=True)] + [InputSpec(s) for s in sizes]
    spec = CallSpec(tuple(specs), len(states), tuple(_names(len(sequences), len(states))))
    captured = _captured(_Cell(body_named(name), arrays, len(sequences)), spec, call)
    if step:
        return _step(ctx, call, captured, frames, states)
    return _sequence(ctx, call, captured, frames, states, timing)


def _names(sequences: int, states: int) -> list[str]:
    letters = "hc" if states <= 2 else [f"s{k}" for k in range(states)]
    return [f"x{k}" for k in range(sequences)] + list(letters[:states])


def _captured(cell: _Cell, spec: CallSpec, call: Call) -> Captured:
    from edgernn.capture.translate import capture

    return capture(cell, spec, call.path or call.name)


def _frames(ctx: Context, call: Call, x: Stream, step: bool) -> str:
    if step:
        if x.dims[0] != 1:
            refuse(call, f"it runs over {x.dims[0]} frames, but a step module sees one", "call it with one frame")
        return ctx.reshaped(x.value, x.frame[1:], call)
    if x.time != 0:
        where = "no axis" if x.time is None else f"axis {x.time}"
        refuse(call, f"it runs over the first axis of its input, but time is {where}", "move time to the first axis")
    return in_step(ctx, call, x.value, x)


def _kept(captured: Captured, frames: Sequence[str]) -> list[str]:
    """The frames that the body reads, in the order of its ports."""
    roles = [a for a in captured.arguments if a.role != "state"]
    given = {a.port: frame for a, frame in zip(roles, frames, strict=True) if a.role != "unused"}
    return [given[port.name] for port in captured.graph.inputs]


def _sequence(
    ctx: Context, call: Call, captured: Captured, frames: list[str], states: Sequence[Any], timing: Stream
) -> Tracked:
    graph = captured.graph
    starts = [initial(ctx, call, s, state.shape) for s, state in zip(states, graph.states, strict=True)]
    names = [ctx.builder.constant(array, f"{call.name}_start") for array, _, _ in starts]
    hint = call.path or call.name
    try:
        results = ctx.builder.add(Recurrence(graph), [*_kept(captured, frames), *names], hint)
    except ValueError as error:
        refuse(call, f"its operands do not fit: {error}")
    for k, (_, port, row) in enumerate(starts):
        if port:
            ctx.given.setdefault(port, []).append(GivenState(results[0], k, row))
    count = len(results) - len(states)
    streams = [Stream(v, plain_dims(call, k)) for k, v in enumerate(results[:count])]
    ends = [last_of(ctx, call, v, timing) for v in results[count:]]
    return several(*streams, *(Stream(v, plain_dims(call, count + k)) for k, v in enumerate(ends)))


def _step(ctx: Context, call: Call, captured: Captured, frames: list[str], states: Sequence[Any]) -> Tracked:
    before = []
    for given, state in zip(states, captured.graph.states, strict=True):
        if isinstance(given, Stream):
            before.append(ctx.reshaped(given.value, state.shape, call))
        else:
            before.append(ctx.builder.constant(fixed_array(call, given, "state"), f"{call.name}_state"))
    results = inlined(captured.graph, ctx.builder, [*_kept(captured, frames), *before])
    dims = [plain_dims(call, k) for k in range(len(results))]
    return several(*(Stream(ctx.reshaped(v, frame_of(d), call), d) for v, d in zip(results, dims, strict=True)))


RULES: dict[str, Rule] = {TARGET: recurrence}
