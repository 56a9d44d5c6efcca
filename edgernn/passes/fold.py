"""Folds a scale or shift that follows a linear layer (batch normalisation, for one) into the layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops import Binary, Linear
from edgernn.passes.rewrite import rewrite


def fold_affine(graph: Graph) -> Graph:
    """``graph`` with Linear -> (add, sub, mul, div by a constant) joined, where nothing else reads the Linear."""
    readers = graph.consumers()
    roots = set(graph.roots())
    producers = graph.producers()
    private = {
        name for name, node in producers.items()
        if isinstance(node.op, Linear | Binary) and len(readers.get(name, [])) == 1 and name not in roots
    }  # fmt: skip
    emitted: dict[str, Node] = {}

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        outputs = _folded(node, builder, inputs, emitted) if node.inputs[0] in private else None
        if outputs is None:
            outputs = builder.add(node.op, inputs, node.name)
        last = builder.graph.nodes[-1]
        emitted[last.outputs[0]] = last
        return outputs

    return rewrite(graph, rule)


def _folded(node: Node, builder: Builder, inputs: Sequence[str], emitted: dict[str, Node]) -> Sequence[str] | None:
    layer = emitted.get(inputs[0])
    if not isinstance(node.op, Binary) or layer is None or not isinstance(layer.op, Linear):
        return None
    constant = builder.graph.constants.get(inputs[1])
    x, weight, bias = layer.inputs
    w, b = builder.graph.constants[weight], builder.graph.constants[bias]
    if constant is None or constant.ndim > 1 or constant.size not in (1, b.size):
        return None
    changed = _applied(node.op.function, w, b, constant.reshape(-1))
    if changed is None:
        return None
    names = [
        builder.constant(array.astype(np.float32), hint) for array, hint in zip(changed, (weight, bias), strict=True)
    ]
    return builder.add(Linear(), [x, *names], node.name)


def _applied(function: str, w: Array, b: Array, k: Array) -> tuple[Array, Array] | None:
    if function == "mul":
        return w * k[:, None], b * k
    if function == "div":
        return w / k[:, None], b / k
    if function in ("add", "sub"):
        return w, b + k if function == "add" else b - k
    return None
