"""Puts the order in which a layer takes its inputs into its weights, where elements were moved before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Linear, Reshape, Transpose


def absorb_moves(graph: Graph) -> Graph:
    """``graph`` in which no Transpose stands before a Linear that takes all its elements as one row.

    The columns of the weights, which nothing else reads, are put in the order that the elements have anyway.
    """
    readers = graph.consumers()
    producers = graph.producers()

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        if not isinstance(node.op, Linear) or len(readers[node.inputs[1]]) > 1:
            return None
        source, order = _moved(graph, producers, node.inputs[0])
        weight = builder.graph.constants.get(inputs[1])
        if weight is None or order is None or order.size != weight.shape[1]:
            return None
        columns = np.empty_like(weight)
        columns[:, order] = weight
        shape = graph.values[node.inputs[0]].shape
        x = builder.add1(Reshape(shape), [names[source]], f"{node.name}_row")
        return builder.add(node.op, [x, builder.constant(columns, inputs[1]), inputs[2]], node.name)

    names: dict[str, str] = {}

    def noted(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        names.update(zip(node.inputs, inputs, strict=True))
        outputs = rule(node, builder, inputs)
        outputs = builder.add(node.op, inputs, node.name) if outputs is None else outputs
        names.update(zip(node.outputs, outputs, strict=True))
        return outputs

    return rewrite(graph, noted)


def _moved(graph: Graph, producers: dict[str, Node], name: str) -> tuple[str, Array | None]:
    """The value that ``name`` is moved from, and where its elements, in order, stand there; None where none moved."""
    chain: list[Node] = []
    while name in producers and isinstance(producers[name].op, Reshape | Transpose):
        chain.append(producers[name])
        name = producers[name].inputs[0]
    if not any(isinstance(node.op, Transpose) for node in chain) or name in graph.constants:
        return name, None
    shape = graph.values[name].shape
    places = np.arange(int(np.prod(shape))).reshape(1, *shape)
    for node in reversed(chain):
        (places,) = node.op.reference(places)
    return name, places.reshape(-1)
