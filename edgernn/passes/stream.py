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
from edgernn.ops import Bounded, Last, Window
from edgernn.passes.signals import Signals


def stream(graph: Graph) -> Graph:
    """``graph`` as a program that processes one frame a step, for ever.

    Recurrent nodes, which start from a constant in the sequence graph, read and write a state instead,
    named after the node: "<node>_h", and "<node>_c" for the cell of an LSTM. ``Last`` becomes the
    current frame: the answer for the frames so far. Where frames are late, states wait for the first and stay as
    the last left them. All other ops work frame by frame already.
    Raises UnsupportedModelError for a recurrent node that starts from a computed value.
    """
    if graph.mode == "step":
        return replace(graph.copy(), mode="stream")
    streaming = _Streaming(graph)
    new = rewrite(graph, streaming)
    new.mode = "stream"
    new.states = streaming.states
    return new


class _Streaming:
    """The rule: replaces one node."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producers = graph.producers()
        self.signals: Signals | None = None
        self.made: list[State] = []

    @property
    def states(self) -> list[State]:
        """Of the step program."""
        return [*(self.signals.states if self.signals is not None else []), *self.made]

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        if self.signals is None:
            self.signals = Signals(builder, self.graph)
        if isinstance(node.op, Bounded):
            return [self._bounded(node.op, self.signals, builder, inputs[0])]
        if isinstance(node.op, Last):
            return [self._last(node, self.signals, builder, inputs[0])]
        return self._with_states(node, self.signals, builder, inputs) if node.op.carried else None

    def _bounds(self, node: Node) -> tuple[int, int]:
        """Of the frames that the first operand of a node has."""
        source = self.producers.get(node.inputs[0])
        op = source.op if source is not None else None
        return (op.first, op.last) if isinstance(op, Bounded) and op.fill is None else (0, 0)

    def _bounded(self, op: Bounded, signals: Signals, builder: Builder, x: str) -> str:
        if op.fill is None:
            return x
        shape = builder.graph.values[x].shape
        fill = builder.constant(np.full(shape, op.fill, np.float32), f"{x}_fill")
        return signals.within(x, fill, op.first, op.last)

    def _last(self, node: Node, signals: Signals, builder: Builder, x: str) -> str:
        first, last = self._bounds(node)
        if signals.tail <= last:
            return x
        shape = builder.graph.values[x].shape
        state = self._declared(builder, f"{node.name}_last", np.zeros(shape, builder.graph.values[x].dtype))
        after = signals.within(x, state.before, first, last)
        self.made.append(replace(state, after=after))
        return after

    def _declared(self, builder: Builder, hint: str, initial: Array) -> State:
        name = builder.unique(hint)
        state = State(name, initial.shape, str(initial.dtype), initial, before=name)
        builder.graph.values[name] = state_type(state)
        return state

    def _with_states(self, node: Node, signals: Signals, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...]:
        operands, made = list(inputs), []
        for k, (position, output) in enumerate(node.op.carried):
            initial = builder.graph.constants.get(inputs[position])
            if initial is None:
                raise UnsupportedModelError(
                    "its initial state is computed from the input", node=node.name, source=node.source
                )
            state = self._declared(builder, state_name(node.name, k), initial)
            operands[position] = state.before
            made.append((state, output))
        outputs = builder.add(node.op, operands, node.name)
        first, last = self._bounds(node)
        held = not isinstance(node.op, Window) and signals.needed(first, last)
        for state, output in made:
            after = outputs[output]
            self.made.append(replace(state, after=signals.within(after, state.before, first, last) if held else after))
        return outputs
