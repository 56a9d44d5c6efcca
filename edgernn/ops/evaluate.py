"""Evaluates a step program over many frames at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.interface import LINE_STATE, LIVE_STATE
from edgernn.ir.op import Array
from edgernn.ops.series import Plan, plan

BLOCK_FRAMES = 4096

Compute = Callable[[Node, Sequence[Array]], Sequence[Array]]
"""(node, operands) -> results."""


def by_reference(node: Node, operands: Sequence[Array]) -> Sequence[Array]:
    """The results of a node by the definition of its op."""
    return node.op.reference(*operands)


def run_block(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [T, *shape] of the steps of all frames, from the initial states; arguments as for ``blocks``."""
    parts: list[dict[str, Array]] = []
    for values, size in blocks(graph, frames, dtype, ending=False):
        parts.append({p.name: np.broadcast_to(values[p.value], (size, *p.shape)) for p in graph.outputs})
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def run_sequence(graph: Graph, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs [n, *shape] of a sequence that ends with ``frames``: those that the whole-sequence module gives, and for
    an output at the end what is known of it after each of them. Arguments as for ``blocks``."""
    if not graph.delay and not graph.tail:
        return run_block(graph, frames, dtype)
    rows: dict[str, list[Array]] = {p.name: [] for p in graph.outputs}
    for values, size in blocks(graph, frames, dtype):
        for port in graph.outputs:
            rows[port.name].append(np.broadcast_to(values[port.value], (size, *port.shape)))
    return {name: np.concatenate(parts)[graph.delay :] for name, parts in rows.items()}


def blocks(
    graph: Graph,
    frames: Mapping[str, Array],
    dtype: str = "float64",
    compute: Compute = by_reference,
    ending: bool = True,
) -> Iterator[tuple[dict[str, Array], int]]:
    """All values, as blocks of frames, and the number of frames: by ``compute``, from the initial states.

    ``frames`` maps port names to [T, *shape], or [*shape] for a static port. Float values are computed in
    ``dtype``. Where a state passes through ordinary ops and back to itself (a custom cell), a block has one frame.
    Where ``ending``, the steps after the last frame follow that a model with a ``tail`` needs.
    """
    timed = [p.name for p in graph.inputs if p.kind != "static"]
    count = len(frames[timed[0]])
    constants = {n: a.astype(dtype) if a.dtype == np.float32 else a for n, a in graph.constants.items()}
    for node in (n for n in graph.nodes if n.op.of_constants):
        constants.update(zip(node.outputs, node.op.reference(*(constants[n] for n in node.inputs)), strict=True))
    states = [s.initial.astype(dtype) if s.dtype == "float32" else s.initial for s in graph.states]
    order = plan(graph)
    steps = _steps(count, 0 if order is None else next((s.shape[0] for s in graph.states if s.name == LINE_STATE), 0))
    for start, stop in steps if order is not None else ((k, k + 1) for k in range(count)):
        block = {n: a[start:stop] if n in timed else a[None] for n, a in frames.items()}
        at_once = order if stop - start > 1 else None
        values, states = _evaluate(graph, constants, _in_dtype(block, dtype), states, compute, at_once)
        yield values, stop - start
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


def _steps(count: int, single: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of blocks: the first steps one by one, as long as not all frames belong to the sequence."""
    yield from ((k, k + 1) for k in range(min(single, count)))
    yield from ((k, min(k + BLOCK_FRAMES, count)) for k in range(min(single, count), count, BLOCK_FRAMES))


def _evaluate(
    graph: Graph,
    constants: Mapping[str, Array],
    frames: Mapping[str, Array],
    states: list[Array],
    compute: Compute,
    order: Plan | None = None,
) -> tuple[dict[str, Array], list[Array]]:
    """One block: by ``order``, or, where there is none, of one step."""
    values = dict(constants)
    for port in graph.inputs:
        values[port.value] = frames[port.name]
    starts = {state.before: array for state, array in zip(graph.states, states, strict=True)}
    values.update({name: array[None] for name, array in starts.items()})
    count = max(len(frames[p.name]) for p in graph.inputs)
    for item in graph.nodes if order is None else order.order:
        if isinstance(item, str):
            values[item] = order.series(item, values, starts[item], count) if order is not None else values[item]
            continue
        if item.op.of_constants:
            continue
        carried = {i for i, _ in item.op.carried}
        operands = [
            values[n][-1] if k in carried and n not in constants else values[n] for k, n in enumerate(item.inputs)
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            values.update(zip(item.outputs, compute(item, operands), strict=True))
    return values, [values[s.after][-1] for s in graph.states]
