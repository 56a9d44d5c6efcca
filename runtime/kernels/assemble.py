"""A graph made ready to run."""

from __future__ import annotations

from collections.abc import Callable

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.runtime.kernels.entry import callable_of
from edgernn.runtime.kernels.lower import lower
from edgernn.runtime.kernels.program import Program, carry_states, give_outputs, take_inputs

Step = Callable[..., Array | None]


def assemble(graph: Graph) -> tuple[Step, list[Array]]:
    """The step of ``graph``, and views of its states in the memory that it works in.

    The step takes one array an input and one an output port, and returns the last, or None where it refused
    a frame, in which case no state has changed. It keeps the memory alive.
    Raises UnsupportedOpError for what cannot be expressed, EngineError where numba fails.
    """
    program = Program(graph)
    states = [program.result(state.before) for state in graph.states]
    take_inputs(program)
    for node in graph.nodes:
        lower(node.op, node, program)
    give_outputs(program)
    carry_states(program, states)
    arena, words = program.finish()
    views = [
        arena[place.offset : place.offset + state.nbytes].view(state.dtype).reshape(state.shape)
        for place, state in zip(states, graph.states, strict=True)
    ]
    return callable_of(words), views
