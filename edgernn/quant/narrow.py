"""Which values are as narrow as the activations of an int8 scheme."""

from __future__ import annotations

from collections.abc import Callable

from edgernn.ir.graph import Graph, Node
from edgernn.ops import Concat, Embedding, Expand, Gru, Linear, Lstm, Reshape, Rnn, Slice, Transpose
from edgernn.quant.schemes import Scheme

PRODUCTS = (Lstm, Gru, Rnn, Linear)
"""Ops that multiply their first operand with weights."""

MOVES = (Reshape, Transpose, Expand, Slice, Concat)


def narrow_values(graph: Graph, scheme_of: Callable[[Node], Scheme]) -> frozenset[str]:
    """Values of the float graph that become int8.

    Those are the h of LSTM and RNN layers whose scheme has 8-bit activations, and all inputs, results of Linear and
    Embedding and parts of them that nothing but products of such layers reads. What an elementwise op, a
    normalisation or an output reads stays int16.
    """
    eight = {id(n) for n in graph.nodes if isinstance(n.op, PRODUCTS) and scheme_of(n).activation_bits == 8}
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, (Lstm, Rnn)) and id(node) in eight:
            found.update((node.inputs[1], node.outputs[0]))
    roots, readers = set(graph.roots()), graph.consumers()

    def only_feeds_products(name: str) -> bool:
        return name not in roots and bool(readers.get(name)) and all(
            node.inputs[0] == name and name not in node.inputs[1:] if id(node) in eight
            else isinstance(node.op, MOVES) and node.outputs[0] in found
            for node in readers[name]
        )  # fmt: skip

    for node in reversed(graph.nodes):
        if isinstance(node.op, (*MOVES, Embedding)) or (isinstance(node.op, Linear) and id(node) in eight):
            found.update(name for name in node.outputs if only_feeds_products(name))
    found.update(p.value for p in graph.inputs if p.dtype == "float32" and only_feeds_products(p.value))
    return frozenset(found)
