"""Drops the batch axis: leading axes of length 1 of every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.rewrite import rewrite
from edgernn.ir.types import ValueType
from edgernn.ops import Binary, Expand, Reshape, Running


def squeeze(graph: Graph) -> Graph:
    """``graph`` with frames, ports and states without leading axes of length 1 (one axis is kept).

    Where an op needs the dropped axes, reshapes around it restore them.
    """
    graph = graph.copy()
    original = dict(graph.values)
    shapes = {**{p.value: strip(p.shape) for p in graph.inputs}, **_state_shapes(graph)}
    for name, shape in shapes.items():
        graph.values[name] = graph.values[name].with_shape(shape)
    graph.inputs = [replace(p, shape=strip(p.shape)) for p in graph.inputs]
    new = rewrite(graph, _Rule(original))
    new.states = [
        replace(s, shape=shapes[s.before], initial=s.initial.reshape(shapes[s.before])) for s in new.states
    ]
    new.outputs = [replace(p, shape=new.values[p.value].shape) for p in new.outputs]
    return new


def strip(shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` without leading ones, but with at least one axis if it had one."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _state_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """By the value of each state. Those of statistics over time keep as many axes as what they are of."""
    shapes = {s.before: strip(s.shape) for s in graph.states}
    for node in graph.nodes:
        if isinstance(node.op, Running):
            axes = len(strip(graph.values[node.inputs[0]].shape))
            found = {name: graph.values[name].shape[-axes:] for name in node.inputs if name in shapes}
            shapes.update(found)
    return shapes


class _Rule:
    def __init__(self, original: dict[str, ValueType]) -> None:
        self.original = original

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str]:
        wanted = [strip(self.original[name].shape) for name in node.outputs]
        if isinstance(node.op, Running):
            axes = len(wanted[0])
            wanted = [self.original[name].shape[-axes:] for name in node.outputs]
            shapes = [self.original[name].shape[-axes:] for name in node.inputs]
            inputs = [self._shaped(node, builder, name, shape) for name, shape in zip(inputs, shapes, strict=True)]
        plain = self._squeezed(node, builder, inputs, wanted)
        return plain if plain is not None else self._restored(node, builder, inputs, wanted)

    def _squeezed(
        self, node: Node, builder: Builder, inputs: Sequence[str], wanted: list[tuple[int, ...]]
    ) -> Sequence[str] | None:
        op = node.op
        if isinstance(op, Reshape | Expand):
            op = replace(op, shape=strip(op.shape))
        if isinstance(op, Binary):
            inputs = [_stripped_constant(builder, name) for name in inputs]
        try:
            types = op.infer(*builder.graph.types(tuple(inputs)))
        except (ValueError, IndexError):
            return None
        if [t.shape for t in types] != wanted:
            return None
        return builder.add(op, inputs, node.name)

    def _restored(
        self, node: Node, builder: Builder, inputs: Sequence[str], wanted: list[tuple[int, ...]]
    ) -> Sequence[str]:
        shapes = [self.original[name].shape for name in node.inputs]
        operands = [self._shaped(node, builder, name, shape) for name, shape in zip(inputs, shapes, strict=True)]
        results = builder.add(node.op, operands, node.name)
        return [
            r if builder.graph.values[r].shape == shape else builder.add1(Reshape(shape), [r], node.name)
            for r, shape in zip(results, wanted, strict=True)
        ]

    def _shaped(self, node: Node, builder: Builder, name: str, shape: tuple[int, ...]) -> str:
        """An operand of ``node`` in this shape."""
        same = builder.graph.values[name].shape == shape
        return name if same else builder.add1(Reshape(shape), [name], f"{node.name}_in")


def _stripped_constant(builder: Builder, name: str) -> str:
    """A constant operand of arithmetic without leading ones, which broadcasting does not need."""
    array = builder.graph.constants.get(name)
    if array is None or strip(array.shape) == array.shape:
        return name
    return builder.constant(array.reshape(strip(array.shape)), name)
