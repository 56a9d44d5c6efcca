"""Ops that move elements, as kernel calls, or as none where a value is a part of another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgernn.ir.graph import Node
from edgernn.ir.types import DTYPE_BYTES
from edgernn.ops import Concat, Embedding, Expand, Reshape, Select, Slice, Transpose
from edgernn.runtime.kernels import data
from edgernn.runtime.kernels.program import Place, Program
from edgernn.runtime.kernels.strides import broadcast_strides, collapse, contiguous_strides


def strided(program: Program, source: Place, sizes: Sequence[int], strides: Sequence[int], dtype: str) -> Place:
    """The elements of a walk from ``source``, one after the other; ``source`` itself if they already are."""
    walk, (steps,) = collapse(sizes, strides)
    if len(walk) == 1 and steps[0] == 1:
        return source
    width = DTYPE_BYTES[dtype]
    target = program.reserve(math.prod(walk) * width)
    outer = len(walk) - 1
    program.call(
        data.move, source, target, width, math.prod(walk[:-1]), outer, program.reserve(8 * outer),
        program.put_words(walk[:-1]), program.put_words(steps[:-1]), walk[-1], steps[-1],
    )  # fmt: skip
    return target


def permuted(program: Program, source: Place, shape: Sequence[int], axes: Sequence[int], dtype: str) -> Place:
    """A transposed array; axis k of the result is axis ``axes[k]``."""
    strides = contiguous_strides(shape)
    return strided(program, source, [shape[a] for a in axes], [strides[a] for a in axes], dtype)


def reshape(op: Reshape, node: Node, program: Program) -> None:
    """No call: the same elements in the same order."""
    program.places[node.outputs[0]] = program.operand(node.inputs[0])


def transpose(op: Transpose, node: Node, program: Program) -> None:
    """One strided copy."""
    x = program.graph.values[node.inputs[0]]
    program.places[node.outputs[0]] = permuted(program, program.operand(node.inputs[0]), x.shape, op.axes, x.dtype)


def expand(op: Expand, node: Node, program: Program) -> None:
    """One strided copy, with stride 0 on the repeated axes."""
    x = program.graph.values[node.inputs[0]]
    strides = broadcast_strides(x.shape, op.shape)
    program.places[node.outputs[0]] = strided(program, program.operand(node.inputs[0]), op.shape, strides, x.dtype)


def slice_(op: Slice, node: Node, program: Program) -> None:
    """A part of the operand, copied unless its elements are consecutive."""
    x, y = program.graph.values[node.inputs[0]], program.graph.values[node.outputs[0]]
    strides = list(contiguous_strides(x.shape))
    start = program.operand(node.inputs[0]).beyond(op.start * strides[op.axis] * DTYPE_BYTES[x.dtype])
    strides[op.axis] *= op.step
    program.places[node.outputs[0]] = strided(program, start, y.shape, strides, x.dtype)


def concat(op: Concat, node: Node, program: Program) -> None:
    """One copy of pieces an operand."""
    y = program.graph.values[node.outputs[0]]
    target = program.result(node.outputs[0])
    axis = len(y.shape) + op.axis
    pieces = math.prod(y.shape[:axis])
    for name in node.inputs:
        nbytes = program.graph.values[name].nbytes // pieces
        program.call(data.copy_pieces, program.operand(name), target, pieces, nbytes, y.nbytes // pieces)
        target = target.beyond(nbytes)


def select(op: Select, node: Node, program: Program) -> None:
    """One copy of one of two operands."""
    signal, a, b = map(program.operand, node.inputs)
    nbytes = program.graph.values[node.outputs[0]].nbytes
    program.call(data.choose, signal, a, b, program.result(node.outputs[0]), nbytes)


def embedding(op: Embedding, node: Node, program: Program) -> None:
    """Rows of a table that stands in the arena."""
    indices, table = program.graph.types(node.inputs)
    program.call(
        data.look_up, *map(program.operand, node.inputs), program.result(node.outputs[0]), indices.size,
        table.shape[0], table.nbytes // table.shape[0],
    )  # fmt: skip
