"""Sequence graph -> step graph with explicit states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgernn.errors import UnsupportedModelError
from edgernn.ir.builder import Builder
from edgernn.ir.codec import state_type
from edgernn.ir.graph import Graph, Node, State, state_name
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Bounded, Concat, Delay, Last, Lookahead, Reshape, Select, Slice, Subsample, Window
from edgernn.passes.blocks import Blocks
from edgernn.passes.lookahead import Windows
from edgernn.passes.signals import Signals
from edgernn.passes.squeeze import strip

FIRST_STATE = "stream_first"
"""Name of the state whose first entry is 1 in the first step alone."""


def stream(graph: Graph, backward: bool = False) -> Graph:
    """``graph`` as a program that processes one frame a step, or ``hop`` frames, for ever.

    Recurrent nodes, which start from a constant in the sequence graph, read and write a state instead,
    named after the node: "<node>_h", and "<node>_c" for the cell of an LSTM. ``Last`` becomes the
    current frame: the answer for the frames so far. Where frames are late, states wait for the first and stay as
    the last left them. A value of which a step has several frames becomes a block of them; recurrent nodes go through
    it frame by frame, where the steps run ``backward`` from the last one to the first. All other ops work frame by
    frame already.
    A recurrent node that starts from a value that stays the same takes it in the first step. Raises
    UnsupportedModelError for one that starts from frames.
    """
    if graph.mode == "step":
        return replace(graph.copy(), mode="stream")
    streaming = _Streaming(graph, backward)
    new = rewrite(_block_ports(graph), streaming)
    new.mode = "stream"
    new.states = streaming.states
    new.outputs = [replace(p, shape=new.values[p.value].shape) for p in new.outputs]
    return new


def _block_ports(graph: Graph) -> Graph:
    """With inputs of as many frames as a step has. At ports, frames are without leading axes of length 1."""
    if graph.hop == 1:
        return graph
    new = graph.copy()
    first, last, names = [], [], {}
    for k, port in enumerate(graph.inputs):
        count = graph.frames(port.value) if port.kind == "frame" else 1
        new.values[port.value] = graph.values[port.value].with_stream(StreamInfo())
        if count > 1:
            shape = _plain(port.shape)
            new.inputs[k] = replace(port, shape=(count, *shape))
            new.values[port.value] = ValueType(port.dtype, (count, *shape), StreamInfo())
            names[port.value] = f"{port.value}_frames"
            new.values[names[port.value]] = graph.values[port.value]
            first.append(Node(names[port.value], Reshape(port.shape), (port.value,), (names[port.value],)))
    for k, port in enumerate(graph.outputs):
        if graph.frames(port.value) > 1 and port.kind == "frame":
            plain = f"{port.value}_at_{k}"
            new.values[plain] = graph.values[port.value].with_shape(_plain(port.shape))
            last.append(Node(plain, Reshape(_plain(port.shape)), (port.value,), (plain,)))
            new.outputs[k] = replace(port, value=plain)
    nodes = [replace(n, inputs=tuple(names.get(i, i) for i in n.inputs)) for n in (*graph.nodes, *last)]
    new.nodes = [*first, *nodes]
    return new


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of a frame in a block: without leading axes of length 1, a number without any."""
    stripped = strip(shape)
    return () if stripped == (1,) else stripped


class _Streaming:
    """The rule: replaces one node. ``counts`` are frames of a step, of values of the sequence graph: 0 for constants
    and what is the same or known once for a whole sequence."""

    def __init__(self, graph: Graph, backward: bool = False) -> None:
        self.graph, self.backward = graph, backward
        self.producers = graph.producers()
        self.counts = dict.fromkeys(graph.constants, 0)
        self.counts.update({p.value: graph.frames(p.value) if p.kind == "frame" else 0 for p in graph.inputs})
        self.made: list[State] = []
        self.begun: list[State] = []
        self.signals: Signals | None = None

    @property
    def states(self) -> list[State]:
        """Of the step program."""
        return [*(self.signals.states if self.signals is not None else []), *self.begun, *self.made]

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str]:
        if self.signals is None:
            self.signals, self.blocks = Signals(builder, self.graph), Blocks(builder)
        counts = [self.counts[name] for name in node.inputs]
        outputs, count = self._replaced(node, builder, inputs, counts, self.signals)
        self.counts.update(dict.fromkeys(node.outputs, count))
        return outputs

    def _replaced(
        self, node: Node, builder: Builder, inputs: Sequence[str], counts: Sequence[int], signals: Signals
    ) -> tuple[Sequence[str], int]:
        op, count = node.op, max(counts)
        if isinstance(op, Bounded):
            return [self._bounded(op, signals, builder, inputs[0], count)], count
        if isinstance(op, Last):
            return [self._last(node, signals, builder, inputs[0], count)], 0
        if isinstance(op, Subsample):
            taken = self.blocks.split(inputs[0], count)[op.phase :: op.stride]
            return [self.blocks.join(taken, node.name)], len(taken)
        if isinstance(op, Lookahead):
            return self._lookahead(op, node, signals, builder, inputs, count), count
        if isinstance(op, Window | Delay) and count > 1:
            return self._window(node, builder, inputs, count)
        if op.carried:
            return self._with_states(node, signals, builder, inputs, max(counts[0], 1)), count
        if count > 1:
            return self.blocks.apply(node, inputs, counts), count
        return builder.add(op, inputs, node.name), count

    def _bounds(self, node: Node) -> tuple[int, int]:
        """Of the frames that the first operand of a node has."""
        source = self.producers.get(node.inputs[0])
        op = source.op if source is not None else None
        return (op.first, op.last) if isinstance(op, Bounded) and op.fill is None else (0, 0)

    def _bounded(self, op: Bounded, signals: Signals, builder: Builder, x: str, count: int) -> str:
        if op.fill is None:
            return x
        frames = self.blocks.split(x, count)
        fill = builder.constant(np.full(self.blocks.shape(frames[0]), op.fill, np.float32), f"{x}_fill")
        found = [signals.within(f, fill, (op.first, op.last), (k, count)) for k, f in enumerate(frames)]
        return self.blocks.join(found, f"{x}_within")

    def _last(self, node: Node, signals: Signals, builder: Builder, x: str, count: int) -> str:
        if count == 0:
            return x
        frames, bounds = self.blocks.split(x, count), self._bounds(node)
        if signals.tail * count <= bounds[1] and bounds[1] % count == 0:
            return frames[self._order(count)[-1]]
        start = np.zeros(self.blocks.shape(frames[0]), builder.graph.values[x].dtype)
        state = self._declared(builder, f"{node.name}_last", start)
        after = state.before
        for k, frame in enumerate(frames):
            after = signals.within(frame, after, bounds, (k, count))
        self.made.append(replace(state, after=after))
        return after

    def _declared(self, builder: Builder, hint: str, initial: Array) -> State:
        name = builder.unique(hint)
        state = State(name, initial.shape, str(initial.dtype), initial, before=name)
        builder.graph.values[name] = state_type(state)
        return state

    def _start(self, node: Node, builder: Builder, inputs: Sequence[str], k: int) -> State:
        """The state of the k-th carried operand of a node, zeros where what it starts from is computed."""
        position = node.op.carried[k][0]
        start = inputs[position]
        if self.counts[node.inputs[position]]:
            raise UnsupportedModelError(
                "its initial state is computed from the input", node=node.name, source=node.source
            )
        initial = builder.graph.constants.get(start)
        if initial is None:
            initial = np.zeros(builder.graph.values[start].shape, builder.graph.values[start].dtype)
        return self._declared(builder, state_name(node.name, k), initial)

    def _before(self, node: Node, builder: Builder, inputs: Sequence[str], states: Sequence[State]) -> list[str]:
        """What the carried operands are in a step: the states, or in the first step what is computed for them."""
        found = []
        for (position, _), state in zip(node.op.carried, states, strict=True):
            start = inputs[position]
            if start in builder.graph.constants:
                found.append(state.before)
            else:
                first = self._is_first(builder)
                found.append(builder.add1(Select(), [first, start, state.before], f"{state.name}_now"))
        return found

    def _is_first(self, builder: Builder) -> str:
        """The signal of the first step."""
        if not self.begun:
            state = self._declared(builder, FIRST_STATE, np.asarray([1, 0, 0], np.int32))
            later = [builder.add1(Slice(-1, k, k + size), [state.before]) for k, size in ((1, 2), (2, 1))]
            self.begun.append(replace(state, after=builder.add1(Concat(-1), later, f"{FIRST_STATE}_next")))
            self.first = builder.add1(Slice(-1, 0, 1), [state.before], f"{FIRST_STATE}_signal")
        return self.first

    def _with_states(
        self, node: Node, signals: Signals, builder: Builder, inputs: Sequence[str], count: int
    ) -> list[str]:
        """Frame by frame; states that frames outside of the sequence must not change are kept from them."""
        carried, bounds = node.op.carried, self._bounds(node)
        states = [self._start(node, builder, inputs, k) for k in range(len(carried))]
        held = not isinstance(node.op, Window | Delay) and signals.needed(*bounds, count)
        before, rows = self._before(node, builder, inputs, states), []
        kept = before
        columns = [
            self.blocks.split(name, count) if self.counts[old] == count else [name] * count
            for old, name in zip(node.inputs, inputs, strict=True)
        ]
        for k in self._order(count):
            operands = [column[k] for column in columns]
            for (position, _), name in zip(carried, before, strict=True):
                operands[position] = name
            outputs = builder.add(node.op, operands, node.name)
            before = [outputs[output] for _, output in carried]
            if held and (k + 1 == count or signals.differ(bounds, (k, count))):
                pairs = zip(before, kept, strict=True)
                before = kept = [signals.within(new, old, bounds, (k, count)) for new, old in pairs]
            rows.append(outputs)
        rows = rows[::-1] if self.backward else rows
        self.made.extend(replace(state, after=name) for state, name in zip(states, before, strict=True))
        return [self.blocks.join(column, node.name) for column in zip(*rows, strict=True)]

    def _order(self, count: int) -> range:
        """In which frames of a block are processed."""
        return range(count - 1, -1, -1) if self.backward else range(count)

    def _window(self, node: Node, builder: Builder, inputs: Sequence[str], count: int) -> tuple[list[str], int]:
        """Of a block: the frames of before and those of the block as one row, of which each window is a part."""
        op, state = node.op, self._start(node, builder, inputs, 0)
        axis, span = -len(self.blocks.shape(inputs[0])), state.shape[0]
        row = builder.add1(Concat(axis), [state.before, inputs[0]], f"{node.name}_frames")
        after = builder.add1(Slice(axis, count, count + span), [row], f"{node.name}_history")
        self.made.append(replace(state, after=after))
        if not isinstance(op, Window):
            return [builder.add1(Slice(axis, 0, count), [row], node.name), after], count
        starts = range(op.phase, count, op.stride)
        found = [builder.add1(Slice(axis, k, k + span + 1, op.dilation), [row], f"{node.name}_{k}") for k in starts]
        return [self.blocks.join(found, node.name), after], len(found)

    def _lookahead(
        self, op: Lookahead, node: Node, signals: Signals, builder: Builder, inputs: Sequence[str], count: int
    ) -> list[str]:
        """The frames of before and those of the step as one row, of which the windows are parts."""
        block = inputs[0]
        shape = self.blocks.shape(block)[count > 1 :]
        row = block if count > 1 else builder.add1(Reshape((1, *shape)), [block], f"{node.name}_block")
        axis = -1 - len(shape)
        if op.history:
            start = np.zeros((op.history, *shape), np.float32)
            state = self._declared(builder, f"{node.name}_frames", start)
            row = builder.add1(Concat(axis), [state.before, row], f"{node.name}_row")
            after = builder.add1(Slice(axis, count, count + op.history), [row], f"{node.name}_frames")
            self.made.append(replace(state, after=after))
        windows = Windows(op, builder, signals, row, count, self._bounds(node))
        outputs = windows.outputs(inputs, node.name)
        waiting = builder.add1(Slice(axis, 0, count), [row], f"{node.name}_waiting")
        waiting = waiting if count > 1 else builder.add1(Reshape(shape), [waiting], waiting)
        return [self.blocks.join(outputs, node.name), waiting]
