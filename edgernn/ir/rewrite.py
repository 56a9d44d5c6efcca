"""Rebuilding a graph node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node

Rule = Callable[[Node, Builder, Sequence[str]], Sequence[str] | None]
"""(old node, builder of the new graph, names of its operands there) -> names of its results there, or
None to copy the node."""


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """A new graph in which ``rule`` has replaced nodes. Names of ports, states and constants are kept."""
    new = graph.copy()
    new.nodes = []
    defined = {*graph.constants, *(p.value for p in graph.inputs), *(s.before for s in graph.states)}
    new.values = {name: graph.values[name] for name in defined}
    builder = Builder(new)
    names = {name: name for name in defined}
    for node in graph.nodes:
        builder.source = node.source
        inputs = [names[n] for n in node.inputs]
        outputs = rule(node, builder, inputs)
        if outputs is None:
            outputs = _copy(node, builder, inputs)
        names.update(zip(node.outputs, outputs, strict=True))
    new.outputs = [replace(p, value=names[p.value]) for p in new.outputs]
    new.states = [replace(s, after=names[s.after]) for s in new.states]
    return new


def _copy(node: Node, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...]:
    return builder.add(node.op, inputs, node.name)
