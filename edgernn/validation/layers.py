"""What each node of a step program costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from edgernn.ir.graph import Graph, Node
from edgernn.ops import Reshape, Slice
from edgernn.validation.results import LayerRow

INTEGER_SUFFIX = "_int16"
RECURRENT = ("lstm", "gru", "rnn")


def layer_rows(graph: Graph) -> list[LayerRow]:
    """One row a node, in execution order. A constant that several nodes read counts for the first."""
    stored = {n: node.inputs for node in graph.nodes if node.op.of_constants for n in node.outputs}
    counted: set[str] = set()
    rows = []
    for node in (n for n in graph.nodes if not n.op.of_constants):
        constants = {c for n in node.inputs for c in stored.get(n, (n,)) if c in graph.constants} - counted
        counted |= constants
        weights = sum(graph.constants[name].size for name in constants)
        size = sum(graph.constants[name].nbytes for name in constants)
        shape = graph.values[node.outputs[0]].shape
        rows.append(LayerRow(node.name, _label(node), shape, weights, macs(graph, node), size))
    return rows


def joined_rows(graph: Graph) -> list[LayerRow]:
    """As ``layer_rows``, with one row for all nodes of a step that compute the same layer frame by frame, and one for
    those that take its frames apart."""
    nodes = {node.name: node for node in graph.nodes}
    producers = graph.producers()
    rows: dict[tuple[object, ...], LayerRow] = {}
    for row in layer_rows(graph):
        key = _layer_of(graph, producers, nodes[row.name]) or (row.name,)
        first = rows.get(key)
        if first is not None:
            sums = {name: getattr(first, name) + getattr(row, name) for name in ("weights", "macs", "bytes", "times")}
            row = replace(first, **sums)
        rows[key] = row
    return list(rows.values())


def _layer_of(graph: Graph, producers: Mapping[str, Node], node: Node) -> tuple[object, ...]:
    """What nodes of one row have in common; nothing where a node has a row of its own."""
    if node.op.kind.removesuffix(INTEGER_SUFFIX) in RECURRENT:
        states = [node.inputs[position] for position, _ in node.op.carried]
        return node.op, *(name for name in node.inputs if name in graph.constants and name not in states)
    if not isinstance(node.op, Slice | Reshape):
        return ()
    source = node.inputs[0]
    while source in producers and isinstance(producers[source].op, Slice | Reshape):
        source = producers[source].inputs[0]
    return node.op.kind, source, graph.values[node.outputs[0]].shape


def macs(graph: Graph, node: Node) -> int:
    """Multiply-accumulates of the matrix products, and depthwise ones, of one step. Elementwise work is not counted."""
    shapes = [t.shape for t in graph.types(node.inputs)]
    out = graph.values[node.outputs[0]]
    kind = node.op.kind.removesuffix(INTEGER_SUFFIX)
    if kind == "linear":
        return out.size * shapes[1][1]
    if kind == "matmul":
        return out.size * shapes[0][-1]
    if kind in RECURRENT:
        return sum(math.prod(shape) for shape in shapes[1:] if len(shape) == 2)
    return out.size if _is_depthwise(graph, node) else 0


def _is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether it multiplies with weights what is summed afterwards, as a depthwise convolution does."""
    kind = node.op.kind.removesuffix(INTEGER_SUFFIX)
    if (kind, getattr(node.op, "function", "mul")) not in (("binary", "mul"), ("mul", "mul")):
        return False
    if not any(name in graph.constants and len(graph.constants[name].shape) > 1 for name in node.inputs):
        return False
    return any(_sums(reader) for reader in _readers(graph, node.outputs[0]))


def _readers(graph: Graph, name: str) -> list[Node]:
    """Through reshapes."""
    found = []
    for node in graph.nodes:
        if name in node.inputs:
            found += _readers(graph, node.outputs[0]) if node.op.kind == "reshape" else [node]
    return found


def _sums(node: Node) -> bool:
    return node.op.kind.removesuffix(INTEGER_SUFFIX) == "reduce" and getattr(node.op, "function", "") == "sum"


def _label(node: Node) -> str:
    function = getattr(node.op, "function", None)
    return f"{node.op.kind}({function})" if function else node.op.kind
