"""Folds a scale or shift that follows a linear layer (batch normalisation, for one) into the layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Binary, Conv, Linear, Reshape

MAX_EMITTED = 2
"""Nodes that take the place of one."""


def fold_affine(graph: Graph) -> Graph:
    """``graph`` with Linear or Conv -> (add, sub, mul, div by a constant) joined, where nothing else reads the layer.

    A matrix that other nodes read too (tied weights) is not scaled: that would store it twice.
    """
    readers = graph.consumers()
    roots = set(graph.roots())
    producers = graph.producers()
    private = {
        name for name, node in producers.items()
        if isinstance(node.op, Linear | Conv | Binary | Reshape)
        and len(readers.get(name, [])) == 1 and name not in roots
    }  # fmt: skip
    tied = {name for name in graph.constants if len(readers.get(name, [])) > 1}
    emitted: dict[str, Node] = {}

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        outputs = None
        if isinstance(node.op, Binary) and _private(node.inputs[0], producers, private):
            outputs = _folded(node, builder, inputs, emitted, tied)
        if outputs is None:
            outputs = builder.add(node.op, inputs, node.name)
        emitted.update({n.outputs[0]: n for n in builder.graph.nodes[-MAX_EMITTED:]})
        return outputs

    return rewrite(graph, rule)


def _private(name: str, producers: dict[str, Node], private: set[str]) -> bool:
    """Whether nothing else reads a value, nor what it is a view of."""
    while name in private and isinstance(producers[name].op, Reshape):
        name = producers[name].inputs[0]
    return name in private


def _folded(
    node: Node, builder: Builder, inputs: Sequence[str], emitted: dict[str, Node], tied: set[str]
) -> Sequence[str] | None:
    """The layer, and what views it, with the constant in its weights."""
    layer, constant = emitted.get(inputs[0]), builder.graph.constants.get(inputs[1])
    while layer is not None and isinstance(layer.op, Reshape):
        layer = emitted.get(layer.inputs[0])
    if layer is None or not isinstance(layer.op, Linear | Conv) or constant is None:
        return None
    x, weight, bias = layer.inputs
    w, b = builder.graph.constants[weight], builder.graph.constants[bias]
    shape = builder.graph.values[inputs[0]].shape
    factors = _by_row(constant, shape, builder.graph.values[layer.outputs[0]].shape, layer.op)
    if factors is None or not isinstance(node.op, Binary) or (weight in tied and node.op.function in ("mul", "div")):
        return None
    changed = _applied(node.op.function, w, b, factors)
    if changed is None:
        return None
    names = [
        old if new is array else builder.constant(new.astype(np.float32), old)
        for new, array, old in zip(changed, (w, b), (weight, bias), strict=True)
    ]
    y = builder.add1(layer.op, [x, *names], node.name)
    return [y if builder.graph.values[y].shape == shape else builder.add1(Reshape(shape), [y], node.name)]


def _by_row(constant: Array, shape: tuple[int, ...], layer: tuple[int, ...], op: Linear | Conv) -> Array | None:
    """What ``constant``, an operand for frames of ``shape``, is for each row of the layer, whose frames are the same in
    the shape ``layer``; None where it differs within a row, or makes the frames larger."""
    if np.broadcast_shapes(constant.shape, shape) != shape:
        return None
    axis = len(layer) - 1 - (len(op.stride) if isinstance(op, Conv) else 0)
    spread = np.moveaxis(np.broadcast_to(constant, shape).reshape(layer), axis, 0).reshape(layer[axis], -1)
    return spread[:, 0] if bool((spread == spread[:, :1]).all()) else None


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
