"""A graph made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgernn.ir.graph import Graph
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Array, Op
from edgernn.ops.dequantize import dequantized
from edgernn.runtime.kernels.entry import callable_of
from edgernn.runtime.kernels.lower import lower
from edgernn.runtime.kernels.lower_ports import carry_states, give_outputs, is_scaled, take_inputs
from edgernn.runtime.kernels.program import BACKEND, Call, Program

Step = Callable[..., Array | None]


@dataclass(frozen=True)
class Assembly:
    """Steps of one graph in one memory, which each of them keeps alive.

    A step takes one array an input and one an output port, and returns the last, or None where it refused
    a frame, in which case no state has changed.

    step       takes and gives arrays of the ports' dtypes
    real_step  takes and gives float32 where a port has a scale; None where none has
    states     views of the states in the memory
    """

    step: Step
    real_step: Step | None
    states: list[Array]


def assemble(graph: Graph) -> Assembly:
    """Make ``graph`` ready. Raises UnsupportedOpError for what cannot be expressed, EngineError where numba fails."""
    graph = legalize(dequantized(graph), BACKEND, _has_kernel)
    program = Program(graph)
    states = [program.result(state.before) for state in graph.states]
    for port in graph.inputs:
        program.result(port.value)
    for node in graph.nodes:
        lower(node.op, node, program)
    carry = carry_states(program, states)

    def calls(real: bool) -> list[Call]:
        return [*take_inputs(program, real), *program.calls, *give_outputs(program, real), *carry]

    scaled = is_scaled(*graph.inputs, *graph.outputs)
    arena, programs = program.finish([calls(real) for real in ((False, True) if scaled else (False,))])
    steps = [callable_of(words) for words in programs]
    views = [
        arena[place.offset : place.offset + state.nbytes].view(state.dtype).reshape(state.shape)
        for place, state in zip(states, graph.states, strict=True)
    ]
    return Assembly(steps[0], steps[1] if scaled else None, views)


def _has_kernel(op: Op) -> bool:
    return lower.dispatch(type(op)) is not lower.dispatch(object)
