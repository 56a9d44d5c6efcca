"""Evaluates a step program over many frames at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.op import Array

BLOCK_FRAMES = 4096

Compute = Callable[[Node, Sequence[Array]], Sequence[Array]]
"""(node, operands) -> results."""


def by_reference(node: Node, operands: Sequence[Array]) -> Sequence[Array]:
    """The results of a node by the definition of its op."""
    return node.op.reference(*operands)


def run_block(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [T, *shape] of the steps of all frames, from the initial states; arguments as for ``blocks``."""
    count = len(next(iter(frames.values())))
    parts: list[dict[str, Array]] = []
    for values, size in blocks(graph, frames, dtype, ending=False):
        parts.append({p.name: np.broadcast_to(values[p.value], (size, *p.shape)) for p in graph.outputs})
    return {name: np.concatenate([p[name] for p in parts])[:count] for name in parts[0]}


def run_sequence(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [n, *shape] of a sequence that ends with ``frames``: those that the whole-sequence module gives, and for
    an output at the end what is known of it after each of them. Arguments as for ``blocks``."""
    if not graph.delay and not graph.tail:
        return run_block(graph, frames, dtype)
    rows: dict[str, list[Array]] = {p.name: [] for p in graph.outputs}
    for values, _ in blocks(graph, frames, dtype):
        for port in graph.outputs:
            rows[port.name].append(np.broadcast_to(values[port.value], (1, *port.shape))[0])
    return {p.name: np.array(rows[p.name][graph.delay :]).reshape(-1, *p.shape) for p in graph.outputs}


def blocks(
    graph: Graph,
    frames: Mapping[str, Array],
    dtype: str = "float64",
    compute: Compute = by_reference,
    ending: bool = True,
) -> Iterator[tuple[dict[str, Array], int]]:
    """All values, as blocks of frames, and the number of frames: by ``compute``, from the initial states.

    ``frames`` maps port names to [T, *shape], or [*shape] for a static port. Float values are computed in
    ``dtype``. Where a state passes through ordinary ops (a custom cell), a block has one frame. Where ``ending``, the
    steps after the last frame follow that a model with a ``tail`` needs.
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
        values, states = _evaluate(graph, constants, _in_dtype(block, dtype), states, compute)
        yield values, min(size, count - start)
    if ending:
        states = [np.zeros_like(a) if s.name == LIVE_STATE else a for s, a in zip(graph.states, states, strict=True)]
    for _ in range(graph.tail if ending else 0):
        block = {n: np.zeros_like(a[:1]) if n in timed else a[None] for n, a in frames.items()}
        values, states = _evaluate(graph, constants, _in_dtype(block, dtype), states, compute)
        yield values, 1


def _in_dtype(block: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in block.items()}


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
