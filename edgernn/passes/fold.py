"""Folds a scale or shift that follows a linear layer (batch normalisation, for one) into the layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Binary, Conv, Linear


def fold_affine(graph: Graph) -> Graph:
    """``graph`` with Linear or Conv -> (add, sub, mul, div by a constant) joined, where nothing else reads the layer.

    A matrix that other nodes read too (tied weights) is not scaled: that would store it twice.
    """
    readers = graph.consumers()
    roots = set(graph.roots())
    producers = graph.producers()
    private = {
        name for name, node in producers.items()
        if isinstance(node.op, Linear | Conv | Binary) and len(readers.get(name, [])) == 1 and name not in roots
    }  # fmt: skip
    tied = {name for name in graph.constants if len(readers.get(name, [])) > 1}
    emitted: dict[str, Node] = {}

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        outputs = _folded(node, builder, inputs, emitted, tied) if node.inputs[0] in private else None
        if outputs is None:
            outputs = builder.add(node.op, inputs, node.name)
        last = builder.graph.nodes[-1]
        emitted[last.outputs[0]] = last
        return outputs

    return rewrite(graph, rule)


def _folded(
    node: Node, builder: Builder, inputs: Sequence[str], emitted: dict[str, Node], tied: set[str]
) -> Sequence[str] | None:
    layer = emitted.get(inputs[0])
    if not isinstance(node.op, Binary) or layer is None or not isinstance(layer.op, Linear | Conv):
        return None
    constant = builder.graph.constants.get(inputs[1])
    x, weight, bias = layer.inputs
    w, b = builder.graph.constants[weight], builder.graph.constants[bias]
    rank = 1 + len(layer.op.stride) if isinstance(layer.op, Conv) else 1
    if constant is None or constant.ndim > rank or constant.size not in (1, b.size):
        return None
    if constant.size > 1 and constant.shape[:1] != b.shape[:1]:
        return None
    if weight in tied and node.op.function in ("mul", "div"):
        return None
    changed = _applied(node.op.function, w, b, constant.reshape(-1))
    if changed is None:
        return None
    names = [
        old if new is array else builder.constant(new.astype(np.float32), old)
        for new, array, old in zip(changed, (w, b), (weight, bias), strict=True)
    ]
    return builder.add(layer.op, [x, *names], node.name)


def _applied(function: str, w: Array, b: Array, k: Array) -> tuple[Array, Array] | None:
    if function == "mul":
        return w * _rows(k, w), b * k
    if function == "div":
        return w / _rows(k, w), b / k
    if function in ("add", "sub"):
        return w, b + k if function == "add" else b - k
    return None


def _rows(k: Array, w: Array) -> Array:
    """``k`` such that it broadcasts to the rows of ``w``."""
    return k.reshape(-1, *[1] * (w.ndim - 1))
