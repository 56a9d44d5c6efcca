"""Integer products, look-ups and elementwise functions in ONNX operators, on real values."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from edgernn.export.onnx.integer import HIGH_WORD, Q12, Q15, RESULT, moved, real, scaled, units, weights
from edgernn.export.onnx.integer_products import product, takes_products
from edgernn.export.onnx.lower import lower
from edgernn.export.onnx.matrix import rows_of_int8
from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.graph import Node
from edgernn.ops.integer.dense import EmbeddingInt16, LinearInt16
from edgernn.ops.integer.elementwise import AddInt16, ClipInt16, MulInt16, RescaleInt16, TableInt16
from edgernn.passes.scales import gate_function

GATES = {"sigmoid": "Sigmoid", "tanh": "Tanh"}
INT16_MIN, INT16_MAX = -32768, 32767


@lower.register
def _linear(op: LinearInt16, node: Node, b: ModelBuilder) -> list[str]:
    w, multiplier, bias = b.weights(node, node.inputs[1:])
    x, x_scale = b.factor(0)
    matrix = weights(w, units(multiplier, b.scale(RESULT), op.pre_shift), x_scale)
    y = product(b, x, matrix) if takes_products(b, node, w) else b.op1("MatMul", [x, matrix.put(b, transposed=True)])
    return b.op("Add", [y, b.constant(real(bias, b.scale(RESULT)))]) if bias.any() else [y]


@lower.register
def _embedding(op: EmbeddingInt16, node: Node, b: ModelBuilder) -> list[str]:
    table, multiplier = b.weights(node, node.inputs[1:])
    unit = multiplier.astype(np.float64) * (b.scale(RESULT) / 65536)
    return [rows_of_int8(b, b.operand(node.inputs[0]), table, unit)]


@lower.register
def _add(op: AddInt16, node: Node, b: ModelBuilder) -> list[str]:
    unit = b.scale(RESULT) / 2.0**op.shift
    factors = [m * unit / b.scale(k) for k, m in enumerate((op.multiplier_a, op.multiplier_b))]
    operands = [scaled(b, b.operand(v), f) for v, f in zip(node.inputs, factors, strict=True)]
    return b.op({"add": "Add", "maximum": "Max", "minimum": "Min"}[op.function], operands)


@lower.register
def _mul(op: MulInt16, node: Node, b: ModelBuilder) -> list[str]:
    y = b.op1("Mul", [b.operand(v) for v in node.inputs])
    return [scaled(b, y, op.multiplier / HIGH_WORD * b.scale(RESULT) / (b.scale(0) * b.scale(1)))]


@lower.register
def _rescale(op: RescaleInt16, node: Node, b: ModelBuilder) -> list[str]:
    return [scaled(b, b.operand(node.inputs[0]), op.multiplier / 2.0**op.shift * b.scale(RESULT) / b.scale(0))]


@lower.register
def _clip(op: ClipInt16, node: Node, b: ModelBuilder) -> list[str]:
    """Bounds at the ends of int16 are those of the dtype, which the integers at the next port have anyway."""
    x, scale = moved(b, 0), b.scale(RESULT)
    if (op.low, op.high) == (0, INT16_MAX):
        return b.op("Relu", [x])
    low = "" if op.low == INT16_MIN else b.scalar(op.low * scale)
    return b.op("Clip", [x, low, *([] if op.high == INT16_MAX else [b.scalar(op.high * scale)])])


@lower.register
def _table(op: TableInt16, node: Node, b: ModelBuilder) -> list[str]:
    """Gates have operators; of other functions there are 256 straight lines, found by the integer's upper byte."""
    x = b.operand(node.inputs[0])
    function = gate_function(b.graph, node)
    if function:
        return [scaled(b, b.op1(GATES[function], [scaled(b, x, Q12 / b.scale(0))]), b.scale(RESULT) / Q15)]
    value, slope = b.weights(node, node.inputs[1:])[0].astype(np.float64).T
    offset = (value - slope * np.arange(-128, 128)) * b.scale(RESULT)
    v = b.op1("Clip", [b.op1("Mul", [x, b.scalar(1 / b.scale(0))]), b.scalar(INT16_MIN), b.scalar(INT16_MAX)])
    line = b.op1("Floor", [b.op1("Mul", [v, b.scalar(1 / 256)])])
    index = b.op1("Cast", [b.op1("Add", [line, b.scalar(128)])], to=TensorProto.INT32)
    tables = (offset, slope * (b.scale(RESULT) / 256))
    begin, rise = (b.op1("Gather", [b.constant(t.astype(np.float32)), index], axis=0) for t in tables)
    return b.op("Add", [begin, b.op1("Mul", [rise, v])])
