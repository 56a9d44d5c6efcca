"""Graph -> graph. Each pass returns a new graph and leaves its argument as it was."""

from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph
from edgernn.passes.absorb import absorb_moves
from edgernn.passes.banded import use_bands
from edgernn.passes.compact import compact
from edgernn.passes.expand import expand
from edgernn.passes.fold import fold_affine
from edgernn.passes.simplify import drop_unread_states, simplify
from edgernn.passes.squeeze import squeeze
from edgernn.passes.stream import stream


def to_step_program(graph: Graph, backward: bool = False) -> Graph:
    """The captured graph as a checked, simplified step program; where ``backward``, of a pass from the end."""
    program = simplify(squeeze(simplify(stream(graph, backward))))
    program = simplify(fold_affine(simplify(compact(expand(fold_affine(program))))))
    program = simplify(use_bands(simplify(absorb_moves(program))))
    if graph.mode != "step":
        program = drop_unread_states(program)
    check_graph(program)
    return program
