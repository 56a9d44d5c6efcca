"""Evaluates a step program over many frames at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array

BLOCK_FRAMES = 4096

Compute = Callable[[Node, Sequence[Array]], Sequence[Array]]
"""(node, operands) -> results."""


def by_reference(node: Node, operands: Sequence[Array]) -> Sequence[Array]:
    """The results of a node by the definition of its op."""
    return node.op.reference(*operands)


def run_block(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [T, *shape] of all steps from the initial states; arguments as for ``blocks``."""
    count = len(next(iter(frames.values())))
    parts: list[dict[str, Array]] = []
    for values, size in blocks(graph, frames, dtype):
        parts.append({p.name: np.broadcast_to(values[p.value], (size, *p.shape)) for p in graph.outputs})
    return {name: np.concatenate([p[name] for p in parts])[:count] for name in parts[0]}


def blocks(
    graph: Graph, frames: Mapping[str, Array], dtype: str = "float64", compute: Compute = by_reference
) -> Iterator[tuple[dict[str, Array], int]]:
    """All values, as blocks of frames, and the number of frames: by ``compute``, from the initial states.

    ``frames`` maps port names to [T, *shape], or [*shape] for a static port. Float values are computed in
    ``dtype``. Where a state passes through ordinary ops (a custom cell), a block has one frame.
    """
    timed = [p.name for p in graph.inputs if p.kind != "static"]
    count = len(frames[timed[0]])
    constants = {n: a.astype(dtype) if a.dtype == np.float32 else a for n, a in graph.constants.items()}
    for node in (n for n in graph.nodes if n.op.of_constants):
        constants.update(zip(node.outputs, node.op.reference(*(constants[n] for n in node.inputs)), strict=True))
    states = [s.initial.astype(dtype) if s.dtype == "float32" else s.initial for s in graph.states]
    size = min(count, BLOCK_FRAMES) if states_stay_inside(graph) else 1
    for start in range(0, count, size):
        block = {n: a[start : start + size] if n in timed else a[None] for n, a in frames.items()}
        block = {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in block.items()}
        values, states = _evaluate(graph, constants, block, states, compute)
        yield values, min(size, count - start)


def states_stay_inside(graph: Graph) -> bool:
    """Whether each state is read only as a carried operand of the node that computes its next value."""
    producers = graph.producers()
    for state in graph.states:
        node = producers.get(state.after)
        if node is None:
            return False
        carried = [(node.inputs[i], node.outputs[o]) for i, o in node.op.carried]
        readers = graph.consumers().get(state.before, [])
        if (state.before, state.after) not in carried or readers != [node] or node.inputs.count(state.before) != 1:
            return False
        if state.before in {p.value for p in graph.outputs}:
            return False
    return True


def _evaluate(
    graph: Graph, constants: Mapping[str, Array], frames: Mapping[str, Array], states: list[Array], compute: Compute
) -> tuple[dict[str, Array], list[Array]]:
    values = dict(constants)
    for port in graph.inputs:
        values[port.value] = frames[port.name]
    for state, array in zip(graph.states, states, strict=True):
        values[state.before] = array[None]
    for node in (n for n in graph.nodes if not n.op.of_constants):
        carried = {i for i, _ in node.op.carried}
        operands = [
            values[n][-1] if k in carried and n not in constants else values[n] for k, n in enumerate(node.inputs)
        ]
        values.update(zip(node.outputs, compute(node, operands), strict=True))
    return values, [values[s.after][-1] for s in graph.states]
