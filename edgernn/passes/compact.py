"""Moves elements without axes of length 1: fewer axes to walk through, and no more than formats allow."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Concat, Reduce, Reshape, Slice, Transpose

LEAST_AXES = 4
"""Frames of fewer axes stay as they are."""


def compact(graph: Graph) -> Graph:
    """``graph`` whose transpositions, slices, joins and reductions of many axes have none of length 1 but those they
    work along."""
    return rewrite(graph, _rule)


def _rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
    op = node.op
    shapes = [builder.graph.values[name].shape for name in inputs]
    rank = len(shapes[0])
    if rank < LEAST_AXES or not isinstance(op, Transpose | Slice | Concat | Reduce):
        return None
    used = set() if isinstance(op, Transpose) else set(op.axes) if isinstance(op, Reduce) else {op.axis}
    kept = [a for a in range(-rank, 0) if a in used or any(s[a] != 1 for s in shapes)]
    if len(kept) == rank or not kept:
        return None
    place = {a: k - len(kept) for k, a in enumerate(kept)}
    operands = [
        builder.add1(Reshape(tuple(s[a] for a in kept)), [name], f"{name}_compact")
        for s, name in zip(shapes, inputs, strict=True)
    ]
    result = builder.add1(_renumbered(op, place), operands, node.name)
    shape = op.infer(*builder.graph.types(tuple(inputs)))[0].shape
    return [builder.add1(Reshape(shape), [result], node.name)]


def _renumbered(op: Transpose | Slice | Concat | Reduce, place: dict[int, int]) -> Transpose | Slice | Concat | Reduce:
    """``op`` on the axes that are kept; ``place`` says where each is now."""
    if isinstance(op, Transpose):
        return Transpose(tuple(place[a] for a in op.axes if a in place))
    if isinstance(op, Slice):
        return Slice(place[op.axis], op.start, op.stop, op.step)
    if isinstance(op, Concat):
        return Concat(place[op.axis])
    return Reduce(op.function, tuple(place[a] for a in op.axes), op.keepdims)
