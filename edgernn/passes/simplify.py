"""Removes what computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.interface import LINE_STATE, LIVE_STATE
from edgernn.ir.op import Array, Op
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Concat, Expand, Reshape, Slice, Transpose


def simplify(graph: Graph) -> Graph:
    """Drop moves that move nothing, joins that are cut again, dead nodes, repeated nodes and constants."""
    while True:
        count = len(graph.nodes)
        graph = drop_dead(rewrite(share_constants(graph), _Rule()))
        if len(graph.nodes) == count:
            return graph


class _Rule:
    """Replaces one node; knows the nodes that were emitted before."""

    def __init__(self) -> None:
        self.producers: dict[str, Node] = {}
        self.computed: dict[tuple[Op, tuple[str, ...]], Sequence[str]] = {}

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        key = (node.op, tuple(inputs))
        if key not in self.computed:
            outputs = self._replace(node, builder, inputs)
            self.computed[key] = builder.add(node.op, inputs, node.name) if outputs is None else outputs
        for emitted in builder.graph.nodes[len(self.producers) :]:
            self.producers[emitted.outputs[0]] = emitted
        return self.computed[key]

    def _replace(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        op, x = node.op, inputs[0]
        shape = builder.graph.values[x].shape
        if isinstance(op, Reshape):
            return self._reshape(op, builder, x, node.name)
        if isinstance(op, Transpose):
            return self._transpose(op, builder, x, shape, node.name)
        if isinstance(op, Expand) and op.shape == shape:
            return [x]
        if isinstance(op, Concat) and len(inputs) == 1:
            return [x]
        if isinstance(op, Slice):
            return self._slice(op, builder, x, shape, node.name)
        return None

    def _reshape(self, op: Reshape, builder: Builder, x: str, name: str) -> Sequence[str] | None:
        before = self.producers.get(x)
        if before is not None and isinstance(before.op, Reshape):
            x = before.inputs[0]
        if builder.graph.values[x].shape == op.shape:
            return [x]
        if x in builder.graph.constants:
            return [builder.constant(builder.graph.constants[x].reshape(op.shape), name)]
        return builder.add(op, [x], name)

    def _transpose(
        self, op: Transpose, builder: Builder, x: str, shape: tuple[int, ...], name: str
    ) -> Sequence[str] | None:
        long_axes = [a for a in op.axes if shape[a] != 1]
        if long_axes == sorted(long_axes):
            return self._reshape(Reshape(tuple(shape[a] for a in op.axes)), builder, x, name)
        return None

    def _slice(self, op: Slice, builder: Builder, x: str, shape: tuple[int, ...], name: str) -> Sequence[str] | None:
        if (op.start, op.stop, op.step) == (0, shape[op.axis], 1):
            return [x]
        source = self.producers.get(x)
        if source is None or not isinstance(source.op, Concat) or source.op.axis != op.axis:
            return None
        offset = 0
        for part in source.inputs:
            size = builder.graph.values[part].shape[op.axis]
            if offset <= op.start and op.stop <= offset + size and builder.graph.values[part].stream is not None:
                inner = Slice(op.axis, op.start - offset, op.stop - offset, op.step)
                whole = (inner.start, inner.stop, inner.step) == (0, size, 1)
                return [part] if whole else builder.add(inner, [part], name)
            offset += size
        return None


def drop_dead(graph: Graph) -> Graph:
    """Without nodes, constants and values that no output and no state needs."""
    live = set(graph.roots())
    nodes = []
    for node in reversed(graph.nodes):
        if live & set(node.outputs):
            live.update(node.inputs)
            nodes.append(node)
    new = graph.copy()
    new.nodes = nodes[::-1]
    new.constants = {name: array for name, array in graph.constants.items() if name in live}
    defined = {*new.constants, *(p.value for p in graph.inputs), *(s.before for s in graph.states)}
    defined.update(name for node in new.nodes for name in node.outputs)
    new.values = {name: value for name, value in graph.values.items() if name in defined}
    return new


def drop_unread_states(graph: Graph) -> Graph:
    """Without states that no node and no output reads, but for those that a model with a delay has in any case."""
    while True:
        read = {name for node in graph.nodes for name in node.inputs} | {p.value for p in graph.outputs}
        kept = [s for s in graph.states if s.before in read or s.name in (LIVE_STATE, LINE_STATE)]
        if len(kept) == len(graph.states):
            return graph
        graph = drop_dead(replace(graph.copy(), states=kept))


def share_constants(graph: Graph) -> Graph:
    """With one constant for all that are equal (tied weights)."""
    first: dict[tuple[object, ...], str] = {}
    names: dict[str, str] = {}
    for name, array in graph.constants.items():
        names[name] = first.setdefault(_key(array), name)
    new = graph.copy()
    new.nodes = [Node(n.name, n.op, tuple(names.get(i, i) for i in n.inputs), n.outputs, n.source) for n in graph.nodes]
    return drop_dead(new)


def _key(array: Array) -> tuple[object, ...]:
    return str(array.dtype), array.shape, array.tobytes()
