"""Elementwise arithmetic, reductions and normalisations as kernel calls."""

from __future__ import annotations

import math

from edgernn.ir.graph import Node
from edgernn.ops import Binary, LayerNorm, LogSoftmax, MaskedSoftmax, Reduce, Softmax, Unary
from edgernn.runtime.kernels import rows
from edgernn.runtime.kernels.build import Kernel
from edgernn.runtime.kernels.elementwise import UNARY_KERNELS
from edgernn.runtime.kernels.lower_moves import permuted
from edgernn.runtime.kernels.pairwise import BINARY_KERNELS
from edgernn.runtime.kernels.program import Program, expect_floats, unsupported
from edgernn.runtime.kernels.strides import broadcast_strides, collapse

FLOAT_REDUCTIONS: dict[str, Kernel] = {
    "sum": rows.reduce_sum, "mean": rows.reduce_sum, "max": rows.reduce_max, "min": rows.reduce_min,
}  # fmt: skip
INTEGER_REDUCTIONS = ("sum", "max", "min")


def unary(op: Unary, node: Node, program: Program) -> None:
    """One call over all elements."""
    x = program.graph.values[node.inputs[0]]
    kernel = UNARY_KERNELS.get((x.dtype, op.function))
    if kernel is None:
        raise unsupported(node, f"there is no kernel for {x.dtype}")
    first, second = (*map(float, op.parameters), 0.0, 0.0)[:2]
    source = program.operand(node.inputs[0])
    program.call(kernel, source, program.result(node.outputs[0]), x.size, first, second)


def binary(op: Binary, node: Node, program: Program) -> None:
    """One call that walks through both operands."""
    a, b = program.graph.types(node.inputs)
    kernel = BINARY_KERNELS.get((a.dtype, op.function)) if a.dtype == b.dtype else None
    if kernel is None:
        raise unsupported(node, f"there is no kernel for {a.dtype} and {b.dtype}")
    shape = program.graph.values[node.outputs[0]].shape
    sizes, steps = collapse(shape, broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape))
    outer = len(sizes) - 1
    left, right = (program.operand(name) for name in node.inputs)
    program.call(
        kernel, left, right, program.result(node.outputs[0]), math.prod(sizes[:-1]), outer,
        program.put_words(sizes[:-1]), program.reserve(8 * outer), program.reserve(8 * outer),
        *(program.put_words(s[:-1]) for s in steps), sizes[-1], *(s[-1] for s in steps),
    )  # fmt: skip


def reduce(op: Reduce, node: Node, program: Program) -> None:
    """The reduced axes are brought to the end, where they form rows."""
    x = program.graph.values[node.inputs[0]]
    rank = len(x.shape)
    reduced = sorted(rank + axis for axis in set(op.axes))
    kept = [axis for axis in range(rank) if axis not in reduced]
    count = math.prod(x.shape[axis] for axis in reduced)
    source = permuted(program, program.operand(node.inputs[0]), x.shape, [*kept, *reduced], x.dtype)
    target = program.result(node.outputs[0])
    if x.dtype == "float32":
        factor = 1.0 / count if op.function == "mean" else 1.0
        program.call(FLOAT_REDUCTIONS[op.function], source, target, x.size // count, count, factor)
    elif x.dtype == "int32" and op.function in INTEGER_REDUCTIONS:
        kind = INTEGER_REDUCTIONS.index(op.function)
        program.call(rows.reduce_integers, source, target, x.size // count, count, kind)
    else:
        raise unsupported(node, f"there is no kernel for {x.dtype}")


def _along(kernel: Kernel, axis: int, node: Node, program: Program) -> None:
    """A kernel over rows along an axis, which is brought to the end and back."""
    expect_floats(node, program)
    x = program.graph.values[node.inputs[0]]
    rank, count = len(x.shape), x.shape[axis]
    there = [k for k in range(rank) if k != rank + axis] + [rank + axis]
    source = permuted(program, program.operand(node.inputs[0]), x.shape, there, x.dtype)
    target = program.reserve(x.nbytes)
    program.call(kernel, source, target, x.size // count, count)
    back = [there.index(k) for k in range(rank)]
    program.places[node.outputs[0]] = permuted(program, target, [x.shape[k] for k in there], back, x.dtype)


def softmax(op: Softmax, node: Node, program: Program) -> None:
    """Along one axis."""
    _along(rows.softmax, op.axis, node, program)


def masked_softmax(op: MaskedSoftmax, node: Node, program: Program) -> None:
    """Of the last axis."""
    x = program.graph.values[node.inputs[0]]
    if x.dtype != "float32":
        raise unsupported(node, f"float32 frames expected, found {x.dtype}")
    source, mask = (program.operand(name) for name in node.inputs)
    target = program.result(node.outputs[0])
    program.call(rows.masked_softmax, source, target, x.size // x.shape[-1], x.shape[-1], mask)


def log_softmax(op: LogSoftmax, node: Node, program: Program) -> None:
    """Along one axis."""
    _along(rows.log_softmax, op.axis, node, program)


def layer_norm(op: LayerNorm, node: Node, program: Program) -> None:
    """Over rows."""
    expect_floats(node, program)
    x = program.graph.values[node.inputs[0]]
    source, gamma, beta = (program.operand(name) for name in node.inputs)
    target = program.result(node.outputs[0])
    program.call(rows.layer_norm, source, target, x.size // x.shape[-1], x.shape[-1], gamma, beta, op.eps)
