"""LSTM, GRU, RNN layers and cells. Gate orders stay PyTorch's (LSTM i f g o, GRU r z n)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgernn.capture.context import (
    CHUNK_REMEDY,
    SEGMENT_REMEDY,
    Context,
    GivenState,
    fixed_array,
    plain_dims,
    refuse,
    several,
    stream_arg,
)
from edgernn.capture.given import computed, initial
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.reversal import reverse
from edgernn.capture.rules.timing import in_step, last_of
from edgernn.capture.traced import Call
from edgernn.capture.values import Constant, Stream, Tracked, frame_of
from edgernn.ir.op import Array, Op
from edgernn.ops import Concat, Gru, Lookahead, Lstm, Rnn, Slice

Weights = Sequence[Array]
MakeLayer = Callable[[Weights, bool], tuple[Op, list[Array]]]
"""(PyTorch's parameters of a layer, whether it has biases) -> op and its constant operands."""


def lstm_layer(weights: Weights, has_biases: bool) -> tuple[Op, list[Array]]:
    w_ih, w_hh = weights[:2]
    hidden, out = w_ih.shape[0] // 4, w_hh.shape[1]
    rest = weights[4:] if has_biases else weights[2:]
    bias = weights[2] + weights[3] if has_biases else np.zeros(4 * hidden, np.float32)
    return Lstm(hidden, out if rest else 0), [w_ih, w_hh, bias, *rest]


def gru_layer(weights: Weights, has_biases: bool) -> tuple[Op, list[Array]]:
    w_ih, w_hh = weights[:2]
    zeros = np.zeros(w_ih.shape[0], np.float32)
    b_ih, b_hh = weights[2:4] if has_biases else (zeros, zeros)
    return Gru(w_hh.shape[1]), [w_ih, w_hh, b_ih, b_hh]


def rnn_layer(nonlinearity: str) -> MakeLayer:
    def make(weights: Weights, has_biases: bool) -> tuple[Op, list[Array]]:
        w_ih, w_hh = weights[:2]
        bias = weights[2] + weights[3] if has_biases else np.zeros(w_ih.shape[0], np.float32)
        return Rnn(w_hh.shape[1], nonlinearity), [w_ih, w_hh, bias]

    return make


def layers(make: MakeLayer, states: int) -> Rule:
    """The rule of a whole ``nn.LSTM/GRU/RNN`` with ``states`` kinds of state."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x, initial, parameters, has_biases, count, _, _, bidirectional, batch_first = call.args
        if bidirectional and not ctx.segment:
            refuse(
                call,
                "a bidirectional layer reads the sequence backwards too, so it cannot answer frame by frame",
                f"convert it for whole segments ({SEGMENT_REMEDY}); or stream it in chunks with look-ahead, whose loss "
                f"the report tells ({CHUNK_REMEDY}); or train it with bidirectional=False",
            )
        hx = ctx.resolve(initial)
        starts = hx if isinstance(hx, list) else [hx]
        x = stream_arg(call, ctx.resolve(x))
        one_frame = ctx.builder.graph.mode == "step" or (ctx.segment and x.time is None)
        frame = layer_frames(ctx, call, x, bool(batch_first), one_frame)
        weights = [fixed_array(call, p, "weights") for p in ctx.resolve(parameters)]
        ends: list[list[str]] = [[] for _ in range(states)]
        sides = 2 if bidirectional else 1
        group = len(weights) // (count * sides)
        for layer in range(count):
            made = []
            for row in range(layer * sides, (layer + 1) * sides):
                op, constants = make(weights[row * group : (row + 1) * group], bool(has_biases))
                back = row % sides == 1
                source = in_step(ctx, call, frame, x)
                source = reverse(ctx, call, source) if back else source
                run = _step if one_frame else one_layer
                results = run(ctx, call, op, source, starts, constants, row, count * sides)
                made.append(reverse(ctx, call, results[0]) if back else results[0])
                for kind in range(states):
                    end = results[kind]
                    ends[kind].append(end if one_frame else last_of(ctx, call, end, x))
            frame = made[0] if sides == 1 else ctx.add(Concat(-1), made, call)
        dims = plain_dims(call)
        y = Stream(ctx.reshaped(frame, frame_of(dims), call), dims)
        return several(y, *(_stacked(ctx, call, names, plain_dims(call, k + 1)) for k, names in enumerate(ends)))

    return rule


def layer_frames(ctx: Context, call: Call, x: Stream, batch_first: bool, one_frame: bool) -> str:
    """Frames of one axis; refuses a layer that does not run over time, or in a step module over one frame."""
    sequence = 1 if batch_first else 0
    if one_frame and x.dims[sequence] != 1:
        refuse(
            call,
            f"the layer runs over {x.dims[sequence]} frames, but a step sees one",
            "call it with one frame, or with the whole sequence",
        )
    if not one_frame and x.time != sequence:
        other = "batch_first=True" if sequence == 0 else "batch_first=False"
        where = "no axis" if x.time is None else f"axis {x.time}"
        refuse(
            call,
            f"the layer runs over axis {sequence} of its input, but time is {where}: it would see one frame at a time",
            f"set {other}, or transpose the input",
        )
    if x.dims[1 - sequence] != 1:
        refuse(call, f"batch size {x.dims[1 - sequence]}", "a stream is one sequence: use batch size 1")
    return ctx.reshaped(x.value, x.frame[-1:], call)


def one_layer(
    ctx: Context, call: Call, op: Op, frame: str, starts: Sequence[Any], constants: Weights, layer: int, count: int
) -> tuple[str, ...]:
    """One layer over the sequence, from states that are constants or that the caller gives; of a segment, computed."""
    hint = hint_of(call, layer, count)
    if ctx.segment:
        rows = [_row_of(ctx, call, s, layer, n, count) for s, n in zip(starts, state_sizes(op), strict=True)]
        return add_layer(ctx, call, op, [frame, *rows], constants, hint)
    first = [initial_row(ctx, call, s, layer, n) for s, n in zip(starts, state_sizes(op), strict=True)]
    names = [ctx.builder.constant(array, f"{hint}_start") for array, _, _ in first]
    outputs = add_layer(ctx, call, op, [frame, *names], constants, hint)
    for k, (_, port, row) in enumerate(first):
        if port:
            ctx.given.setdefault(port, []).append(GivenState(outputs[0], k, row))
    return outputs


def _step(
    ctx: Context, call: Call, op: Op, frame: str, starts: Sequence[Any], constants: Weights, layer: int, count: int
) -> tuple[str, ...]:
    """One layer for one frame, from its row of the states of a step module."""
    before = [_row_of(ctx, call, s, layer, size, count) for s, size in zip(starts, state_sizes(op), strict=True)]
    return add_layer(ctx, call, op, [frame, *before], constants, hint_of(call, layer, count))


def _row_of(ctx: Context, call: Call, start: Any, layer: int, size: int, count: int) -> str:
    """The state of one layer, of a tensor that holds those of all."""
    if isinstance(start, Constant):
        return ctx.builder.constant(_row(call, start, layer), f"{hint_of(call, layer, count)}_start")
    whole = stream_arg(call, start, "state")
    row = whole.value if count == 1 else ctx.add(Slice(-len(whole.frame), layer, layer + 1), [whole.value], call)
    if ctx.segment:
        return computed(ctx, call, Stream(row, (1, size)), (size,))
    return ctx.reshaped(row, (size,), call)


def add_layer(
    ctx: Context, call: Call, op: Op, inputs: Sequence[str], constants: Weights, hint: str
) -> tuple[str, ...]:
    """Append the node of one layer: its results."""
    named = zip(_operand_names(op.layer if isinstance(op, Lookahead) else op), constants, strict=False)
    names = [ctx.builder.constant(array, f"{hint}_{name}") for name, array in named]
    try:
        return ctx.builder.add(op, [*inputs, *names], hint)
    except ValueError as error:
        refuse(call, f"its operands do not fit: {error}")


def hint_of(call: Call, layer: int, count: int) -> str:
    """For names of what belongs to one of ``count`` layers."""
    base = call.path or call.name
    return base if count == 1 else f"{base}_l{layer}"


def _operand_names(op: Op) -> tuple[str, ...]:
    """Names of the constant operands, PyTorch's."""
    return ("w_ih", "w_hh", "b_ih", "b_hh") if isinstance(op, Gru) else ("w_ih", "w_hh", "b", "w_hr")


def state_sizes(op: Op) -> list[int]:
    """Of the states of a layer."""
    if isinstance(op, Lstm):
        return [op.proj_size or op.hidden_size, op.hidden_size]
    return [op.hidden_size] if isinstance(op, Gru | Rnn) else []


def initial_row(ctx: Context, call: Call, start: Any, layer: int, size: int) -> tuple[Array, str, int]:
    """Initial value of a layer's state; the port that gives it, if one does, and in which row."""
    if isinstance(start, Constant):
        return _row(call, start, layer), "", 0
    array, port, row = initial(ctx, call, start, (size,))
    return array, port, row + layer


def _row(call: Call, start: Constant, layer: int) -> Array:
    return np.ascontiguousarray(fixed_array(call, start, "initial state")[layer].reshape(-1), dtype=np.float32)


def _stacked(ctx: Context, call: Call, names: Sequence[str], dims: tuple[int | None, ...]) -> Stream:
    shape = frame_of(dims)
    rows = [ctx.reshaped(name, (1, *shape[1:]), call) for name in names]
    value = rows[0] if len(rows) == 1 else ctx.add(Concat(-len(shape)), rows, call)
    return Stream(value, dims)


def cell(make: MakeLayer, states: int) -> Rule:
    """The rule of a cell: one step, its states given and returned."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x, hx = ctx.resolve(call.args[0]), ctx.resolve(call.args[1])
        given = [v for v in call.args[2:] if v is not None]
        weights = [fixed_array(call, ctx.resolve(v), "weights") for v in given]
        x = stream_arg(call, x)
        if x.time is not None:
            refuse(
                call, "a cell is called with the whole sequence as its batch", "call it frame by frame in a step module"
            )
        op, constants = make(weights, len(weights) == 4)
        before = [_cell_state(ctx, call, s) for s in (hx if isinstance(hx, list) else [hx])]
        frame = ctx.reshaped(x.value, x.frame[-1:], call)
        outputs = add_layer(ctx, call, op, [frame, *before], constants, call.path or call.name)
        streams = []
        for k in range(states):
            dims = plain_dims(call, k)
            streams.append(Stream(ctx.reshaped(outputs[k], frame_of(dims), call), dims))
        return streams[0] if states == 1 else several(*streams)

    return rule


def _cell_state(ctx: Context, call: Call, state: Any) -> str:
    if isinstance(state, Constant):
        return ctx.builder.constant(fixed_array(call, state, "state").reshape(-1), f"{call.name}_state")
    state = stream_arg(call, state, "state")
    if state.frame[:-1] not in ((), (1,)):
        refuse(call, f"batch size {state.frame[0]}", "a stream is one sequence: use batch size 1")
    return ctx.reshaped(state.value, state.frame[-1:], call)


KINDS: dict[str, tuple[MakeLayer, int]] = {
    "lstm": (lstm_layer, 2),
    "gru": (gru_layer, 1),
    "rnn_tanh": (rnn_layer("tanh"), 1),
    "rnn_relu": (rnn_layer("relu"), 1),
}
"""How a layer of each kind is made, and how many kinds of state it has."""

RULES: dict[str, Rule] = {
    **{f"aten.{kind}.input": layers(*made) for kind, made in KINDS.items()},
    **{f"aten.{kind}_cell.default": cell(*made) for kind, made in KINDS.items()},
}
