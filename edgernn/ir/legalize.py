"""Fits a graph to the ops that a backend has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgernn.errors import UnsupportedOpError
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Op
from edgernn.ir.rewrite import rewrite

CanLower = Callable[[Op], bool]


def legalize(graph: Graph, backend: str, can_lower: CanLower) -> Graph:
    """``graph`` with every op that ``can_lower`` refuses decomposed until none is left.

    Raises UnsupportedOpError, naming backend, op and node, where an op is primitive and refused.
    """
    while True:
        refused = [node for node in graph.nodes if not can_lower(node.op)]
        if not refused:
            return graph
        graph = rewrite(graph, _decomposition_rule(backend, can_lower))


def _decomposition_rule(backend: str, can_lower: CanLower) -> Callable[..., Sequence[str] | None]:
    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        if can_lower(node.op):
            return None
        outputs = node.op.decompose(builder, inputs)
        if outputs is None:
            raise UnsupportedOpError(backend, describe(node.op), node.name, source=node.source)
        return outputs

    return rule


def describe(op: Op) -> str:
    """Kind of an op with the function it applies, if it has one."""
    function = getattr(op, "function", None)
    return f"{op.kind}({function})" if function else op.kind
