"""Evaluates an integer step program over many sequences at once, by the definition of its ops.

A value that changes over time is a block [T, B, *frame], a state [B, *frame].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array

Values = dict[str, Array]


def run_span(graph: Graph, frames: Mapping[str, Array], states: Mapping[str, Array]) -> Values:
    """All values of ``graph`` by name: of the steps of one span, from ``states`` (name of ``State.before`` -> [B, *]).

    ``frames`` maps the values of the input ports to [T, B, *shape]. A span may have more than one step only where each
    state stays inside the node that carries it.
    """
    values: Values = dict(graph.constants)
    values.update(frames)
    values.update({name: array[None] for name, array in states.items()})
    steps, batch = next(iter(frames.values())).shape[:2]
    for node in graph.nodes:
        values.update(zip(node.outputs, _results(graph, node, values, steps, batch), strict=True))
    return values


def _results(graph: Graph, node: Node, values: Values, steps: int, batch: int) -> list[Array]:
    carried = {i for i, _ in node.op.carried}
    operands = [
        _operand(values[name], name in graph.constants, k in carried, bool(carried), batch)
        for k, name in enumerate(node.inputs)
    ]
    results = node.op.reference(*operands)
    if all(graph.values[name].stream is None for name in node.inputs):
        return list(results)
    named = zip(node.outputs, results, strict=True)
    return [result.reshape(steps, batch, *graph.values[name].shape) for name, result in named]


def _operand(array: Array, constant: bool, carried: bool, recurrent: bool, batch: int) -> Array:
    """As the op takes it: a carried state [B, *]; a block [T, B, *] for a recurrent op, else [T * B, *]."""
    if carried:
        return np.broadcast_to(array, (batch, *array.shape)) if constant else array[-1]
    if constant or recurrent:
        return array
    return array.reshape(-1, *array.shape[2:])


def spans(frames: Mapping[str, Array], whole: bool) -> Sequence[dict[str, Array]]:
    """``frames`` [T, B, *] as one span, or, where states pass through ordinary ops, as spans of one step."""
    if whole:
        return [dict(frames)]
    count = len(next(iter(frames.values())))
    return [{name: array[t : t + 1] for name, array in frames.items()} for t in range(count)]
