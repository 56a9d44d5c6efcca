"""Evaluates a step program over many frames at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array


def run_block(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [T, *shape] of all steps, by ``Op.reference``, from the initial states.

    ``frames`` maps port names to [T, *shape]. Float values are computed in ``dtype``. Where a state
    passes through ordinary ops (a custom cell), frames go one by one.
    """
    count = len(next(iter(frames.values())))
    constants = {n: a.astype(dtype) if a.dtype == np.float32 else a for n, a in graph.constants.items()}
    states = [s.initial.astype(dtype) if s.dtype == "float32" else s.initial for s in graph.states]
    size = count if _states_stay_inside(graph) else 1
    parts: list[dict[str, Array]] = []
    for start in range(0, count, size):
        block = {n: a[start : start + size] for n, a in frames.items()}
        block = {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in block.items()}
        outputs, states = _evaluate(graph, constants, block, states, min(size, count - start))
        parts.append(outputs)
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _states_stay_inside(graph: Graph) -> bool:
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
    graph: Graph, constants: Mapping[str, Array], frames: Mapping[str, Array], states: list[Array], count: int
) -> tuple[dict[str, Array], list[Array]]:
    values = dict(constants)
    for port in graph.inputs:
        values[port.value] = frames[port.name]
    for state, array in zip(graph.states, states, strict=True):
        values[state.before] = array[None]
    for node in graph.nodes:
        carried = {i for i, _ in node.op.carried}
        operands = [
            values[n][-1] if k in carried and n not in constants else values[n] for k, n in enumerate(node.inputs)
        ]
        values.update(zip(node.outputs, node.op.reference(*operands), strict=True))
    outputs = {
        p.name: np.broadcast_to(values[p.value], (count, *p.shape)) for p in graph.outputs
    }
    return outputs, [values[s.after][-1] for s in graph.states]
