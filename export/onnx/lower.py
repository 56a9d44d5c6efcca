"""The ops of edgernn in ONNX operators: a table from op class to rule."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from onnx import TensorProto

from edgernn import ops
from edgernn.errors import UnsupportedOpError
from edgernn.export.onnx.integer import moved
from edgernn.export.onnx.matrix import matrix, rows_of_int8
from edgernn.export.onnx.model import ModelBuilder
from edgernn.export.onnx.recurrent import lower_gru, lower_lstm, lower_rnn
from edgernn.export.onnx.unary import UNARY
from edgernn.ir.graph import Node
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Op

BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow",
}  # fmt: skip
"""Function of ``edgernn.ops.binary`` -> operator."""

REDUCE = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin"}
"""Function of ``edgernn.ops.reduce`` -> operator."""


HIDDEN = -1e30
"""A score whose exponential is 0 beside others."""


@singledispatch
def lower(op: Op, node: Node, b: ModelBuilder) -> list[str]:
    """Append the nodes of one op and return the names of its results.

    The registry of this function is the list of ops that ONNX files hold. Raises UnsupportedOpError.
    """
    raise UnsupportedOpError("onnx", op.kind, node.name, source=node.source)


def can_lower(op: Op) -> bool:
    """Whether ``lower`` has a rule for ``op``. Matrices of int8 (Dequantize) are part of the layers that read them."""
    if isinstance(op, ops.Dequantize):
        return True
    if lower.dispatch(type(op)) is lower.dispatch(Op):
        return False
    tables: list[tuple[type[Any], dict[str, Any]]] = [
        (ops.Unary, UNARY), (ops.Binary, BINARY), (ops.Reduce, REDUCE),
    ]  # fmt: skip
    return all(op.function in table for kind, table in tables if isinstance(op, kind))


lower.register(ops.Lstm)(lower_lstm)
lower.register(ops.Gru)(lower_gru)
lower.register(ops.Rnn)(lower_rnn)


@lower.register
def _(op: ops.Unary, node: Node, b: ModelBuilder) -> list[str]:
    return [UNARY[op.function](b, b.operand(node.inputs[0]), *op.parameters)]


@lower.register
def _(op: ops.Binary, node: Node, b: ModelBuilder) -> list[str]:
    return b.op(BINARY[op.function], [b.operand(v) for v in node.inputs])


@lower.register
def _(op: ops.Linear, node: Node, b: ModelBuilder) -> list[str]:
    (bias,) = b.weights(node, node.inputs[2:])
    product = b.op1("MatMul", [b.operand(node.inputs[0]), matrix(b, node, 1).put(b, transposed=True)])
    return [b.op1("Add", [product, b.constant(bias)]) if bias.any() else product]


@lower.register
def _(op: ops.Matmul, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("MatMul", [b.operand(v) for v in node.inputs])


@lower.register
def _(op: ops.Embedding, node: Node, b: ModelBuilder) -> list[str]:
    indices, table = node.inputs
    stored = b.matrices.get(table)
    if stored is not None:
        return [rows_of_int8(b, b.operand(indices), stored.w, stored.scale)]
    return b.op("Gather", [b.operand(table), b.operand(indices)], axis=0)


@lower.register
def _(op: ops.LayerNorm, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("LayerNormalization", [b.operand(v) for v in node.inputs], axis=-1, epsilon=op.eps)


@lower.register
def _(op: ops.Softmax, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("Softmax", [b.operand(node.inputs[0])], axis=op.axis)


@lower.register
def _(op: ops.MaskedSoftmax, node: Node, b: ModelBuilder) -> list[str]:
    return [masked_softmax(b, b.operand(node.inputs[0]), node.inputs[1])]


def masked_softmax(b: ModelBuilder, x: str, mask: str) -> str:
    """Softmax along the last axis where the value ``mask`` is not 0."""
    chosen = b.op1("Cast", [b.frame(mask)], to=TensorProto.BOOL)
    return b.op1("Softmax", [b.op1("Where", [chosen, x, b.scalar(HIDDEN)])], axis=-1)


@lower.register
def _(op: ops.LogSoftmax, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("LogSoftmax", [b.operand(node.inputs[0])], axis=op.axis)


@lower.register
def _(op: ops.Reduce, node: Node, b: ModelBuilder) -> list[str]:
    return b.op(REDUCE[op.function], [b.operand(node.inputs[0]), b.ints(op.axes)], keepdims=int(op.keepdims))


@lower.register
def _(op: ops.Reshape, node: Node, b: ModelBuilder) -> list[str]:
    lead = (0, *(1,) * (LEAD - 1)) if b.direction else (1,) * LEAD
    return b.op("Reshape", [moved(b, 0), b.ints(lead + op.shape)])


@lower.register
def _(op: ops.Expand, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("Expand", [moved(b, 0), b.ints((1,) * LEAD + op.shape)])


@lower.register
def _(op: ops.Transpose, node: Node, b: ModelBuilder) -> list[str]:
    perm = [*range(LEAD), *(LEAD + len(op.axes) + axis for axis in op.axes)]
    return b.op("Transpose", [moved(b, 0)], perm=perm)


@lower.register
def _(op: ops.Slice, node: Node, b: ModelBuilder) -> list[str]:
    bounds = [b.ints([n]) for n in (op.start, op.stop, op.axis, op.step)]
    return b.op("Slice", [moved(b, 0), *bounds])


@lower.register
def _(op: ops.Select, node: Node, b: ModelBuilder) -> list[str]:
    signal = b.op1("Cast", [b.frame(node.inputs[0])], to=TensorProto.BOOL)
    return b.op("Where", [signal, moved(b, 1), moved(b, 2)])


@lower.register
def _(op: ops.Concat, node: Node, b: ModelBuilder) -> list[str]:
    return b.op("Concat", [moved(b, k) for k in range(len(node.inputs))], axis=op.axis)
