"""What a step checks before it changes anything."""

from __future__ import annotations

from edgernn.ir.graph import Graph
from edgernn.ops import Concat, Embedding, Expand, Reshape, Slice, Transpose
from edgernn.ops.integer import EmbeddingInt16


def index_limits(graph: Graph) -> dict[str, int]:
    """For each value that is used as an index: the number that all of its entries must be below."""
    limits: dict[str, int] = {}
    for port in graph.inputs:
        if port.limit is not None:
            limits[port.value] = port.limit
    for node in reversed(graph.nodes):
        if isinstance(node.op, Embedding | EmbeddingInt16):
            _lower(limits, node.inputs[0], graph.values[node.inputs[1]].shape[0])
        elif isinstance(node.op, Reshape | Transpose | Expand | Slice | Concat) and node.outputs[0] in limits:
            for name in node.inputs:
                _lower(limits, name, limits[node.outputs[0]])
    return limits


def _lower(limits: dict[str, int], name: str, limit: int) -> None:
    limits[name] = min(limit, limits.get(name, limit))
