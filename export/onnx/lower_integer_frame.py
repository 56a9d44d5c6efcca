"""Integer ops over a whole frame in ONNX operators, on real values."""

from __future__ import annotations

import numpy as np

from edgernn.export.onnx.integer import HIGH_WORD, Q12, Q15, RESULT, real, scaled
from edgernn.export.onnx.lower import REDUCE, lower, masked_softmax
from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.graph import Node
from edgernn.ops.banded_linear import dense
from edgernn.ops.integer.frame import (
    LayerNormInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    ReduceInt16,
    SoftmaxInt16,
)
from edgernn.ops.integer.power import LOG_SHIFT, LogPowerInt16

NORM_UNIT, LOG_UNIT = 2.0**-8, 0.5
"""One unit of the gain of a normalisation; of the gain of a logarithm: it is Q0.15, the gain is over 2^16."""


@lower.register
def _layer_norm(op: LayerNormInt16, node: Node, b: ModelBuilder) -> list[str]:
    gain, bias = b.weights(node, node.inputs[1:])
    epsilon = max(op.epsilon, 1) * (b.scale(0) / len(gain)) ** 2
    rows = [b.constant(real(v, b.scale(RESULT) * unit)) for v, unit in ((gain, NORM_UNIT), (bias, 1.0))]
    return b.op("LayerNormalization", [b.operand(node.inputs[0]), *rows], axis=-1, epsilon=epsilon)


def _exponent(op: SoftmaxInt16 | MaskedSoftmaxInt16 | LogSoftmaxInt16, node: Node, b: ModelBuilder) -> str:
    return scaled(b, b.operand(node.inputs[0]), op.multiplier / 2.0**op.shift * Q12 / b.scale(0))


@lower.register
def _softmax(op: SoftmaxInt16, node: Node, b: ModelBuilder) -> list[str]:
    return [scaled(b, b.op1("Softmax", [_exponent(op, node, b)], axis=-1), b.scale(RESULT) / Q15)]


@lower.register
def _masked_softmax(op: MaskedSoftmaxInt16, node: Node, b: ModelBuilder) -> list[str]:
    return [scaled(b, masked_softmax(b, _exponent(op, node, b), node.inputs[1]), b.scale(RESULT) / Q15)]


@lower.register
def _log_softmax(op: LogSoftmaxInt16, node: Node, b: ModelBuilder) -> list[str]:
    logarithm = b.op1("LogSoftmax", [_exponent(op, node, b)], axis=-1)
    return [scaled(b, logarithm, op.log_gain * LOG_UNIT * b.scale(RESULT))]


@lower.register
def _log_power(op: LogPowerInt16, node: Node, b: ModelBuilder) -> list[str]:
    """On integers in float32: the unit of power, a square, may be too small for it."""
    integers = [scaled(b, b.operand(name), 1 / b.scale(k)) for k, name in enumerate(node.inputs[:2])]
    power = b.op1("Add", [b.op1("Mul", [x, x]) for x in integers])
    weights, starts, lengths = b.weights(node, node.inputs[2:])
    matrix = dense(weights, starts, lengths, b.graph.values[node.inputs[0]].shape[-1])
    power = b.op1("MatMul", [power, b.constant(np.ascontiguousarray(matrix.T, np.float32))])
    power = b.op1("Max", [b.op1("Add", [power, b.scalar(op.offset)]), b.scalar(op.floor)])
    logarithm = scaled(b, b.op1("Log", [power]), op.gain * b.scale(RESULT) * 2.0 ** (15 - LOG_SHIFT))
    return [b.op1("Add", [logarithm, b.scalar(op.bias * b.scale(RESULT) * 2.0**-LOG_SHIFT)])]


@lower.register
def _reduce(op: ReduceInt16, node: Node, b: ModelBuilder) -> list[str]:
    factor = op.multiplier / HIGH_WORD if op.function == "sum" else 1.0
    operands = [b.operand(node.inputs[0]), b.ints(op.axes)]
    reduced = b.op1(REDUCE[op.function], operands, keepdims=int(op.keepdims))
    return [scaled(b, reduced, factor * b.scale(RESULT) / b.scale(0))]


@lower.register
def _matmul(op: MatmulInt16, node: Node, b: ModelBuilder) -> list[str]:
    product = b.op1("MatMul", [b.operand(v) for v in node.inputs])
    factor = op.multiplier / (HIGH_WORD * 2.0**15) * b.scale(RESULT) / (b.scale(0) * b.scale(1))
    return [scaled(b, product, factor)]
