"""Sequence graph -> step graph with explicit states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgernn.errors import UnsupportedModelError
from edgernn.ir.builder import Builder
from edgernn.ir.codec import state_type
from edgernn.ir.graph import Graph, Node, State, state_name
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Last


def stream(graph: Graph) -> Graph:
    """``graph`` as a program that processes one frame a step, for ever.

    Recurrent nodes, which start from a constant in the sequence graph, read and write a state instead,
    named after the node: "<node>_h", and "<node>_c" for the cell of an LSTM. ``Last`` becomes the
    current frame: the answer for the frames so far. All other ops work frame by frame already.
    Raises UnsupportedModelError for a recurrent node that starts from a computed value.
    """
    if graph.mode == "step":
        return replace(graph.copy(), mode="stream")
    states: list[State] = []

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        if isinstance(node.op, Last):
            return inputs
        if node.op.carried:
            return _with_states(node, builder, inputs, states)
        return None

    new = rewrite(graph, rule)
    new.mode = "stream"
    new.states = states
    return new


def _with_states(node: Node, builder: Builder, inputs: Sequence[str], states: list[State]) -> tuple[str, ...]:
    operands = list(inputs)
    made = []
    for k, (position, output) in enumerate(node.op.carried):
        initial = builder.graph.constants.get(inputs[position])
        if initial is None:
            raise UnsupportedModelError(
                "its initial state is computed from the input", node=node.name, source=node.source
            )
        name = builder.unique(state_name(node.name, k))
        state = State(name, initial.shape, str(initial.dtype), initial, before=name)
        builder.graph.values[name] = state_type(state)
        operands[position] = name
        made.append((state, output))
    outputs = builder.add(node.op, operands, node.name)
    states.extend(replace(state, after=outputs[output]) for state, output in made)
    return outputs
