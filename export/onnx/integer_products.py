"""Recurrent and linear layers of the scheme int8 as products of 8 bits, for layers with many weights.

Activations are quantized at each step, to 8 bits over their range in that step, which loses less than the scales of
calibration do. Beyond LARGE weights this is faster in ONNX Runtime than float32 (``benchmarks/onnx_integer_forms.py``,
form "dynamic"), and the weights stay in 8 bits in memory. They are uint8 less 128: ONNX Runtime computes uint8
times int8 with saturation on x86 without VNNI.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from edgernn.export.onnx.matrix import Matrix, reorder
from edgernn.export.onnx.model import ModelBuilder
from edgernn.export.onnx.recurrent import WRITTEN_OUT_ORDER, lstm_gates
from edgernn.ir.graph import Node
from edgernn.ir.op import Array

LARGE = 1 << 18
"""Weights of a layer. LSTM(64->128) has 98,304, GRU(128->256) 294,912."""

MIDDLE = 128


def takes_products(b: ModelBuilder, node: Node, *weights: Array) -> bool:
    """Whether a layer with these weights has this form: its input is int8, and its weights are many."""
    return b.graph.values[node.inputs[0]].dtype == "int8" and sum(w.size for w in weights) > LARGE


def product(b: ModelBuilder, x: str, w: Matrix) -> str:
    """w x in float32."""
    values, scale, zero = b.op("DynamicQuantizeLinear", [x], 3)
    matrix = b.constant((w.values.T.astype(np.int16) + MIDDLE).astype(np.uint8))
    middle = b.constant(np.asarray(MIDDLE, np.uint8))
    total = b.op1("Cast", [b.op1("MatMulInteger", [values, matrix, zero, middle])], to=TensorProto.FLOAT)
    return b.op1("Mul", [total, b.op1("Mul", [scale, b.constant(np.asarray(w.scale, np.float32))])])


def lstm_of_products(b: ModelBuilder, x: str, h: str, c: str, weights: Sequence[Matrix], bias: Array) -> list[str]:
    """As ``recurrent.lstm``, or with a third matrix as ``recurrent.projected_lstm``."""
    drive, recurrent = (product(b, v, w.reordered(WRITTEN_OUT_ORDER)) for v, w in zip((x, h), weights, strict=False))
    total = b.op1("Add", [drive, b.op1("Add", [recurrent, b.constant(reorder(bias, WRITTEN_OUT_ORDER))])])
    h_next, c_next = lstm_gates(b, total, c, len(bias) // 4)
    return [product(b, h_next, weights[2]) if len(weights) > 2 else h_next, c_next]


def gru_of_products(b: ModelBuilder, x: str, h: str, weights: Sequence[Matrix], biases: Sequence[Array]) -> list[str]:
    """As ``recurrent.gru``."""
    hidden = len(biases[0]) // 3
    parts = [
        b.op("Split", [b.op1("Add", [product(b, v, w), b.constant(bias)]), b.ints([2 * hidden, hidden])], 2, axis=-1)
        for v, w, bias in zip((x, h), weights, biases, strict=True)
    ]
    (rz_x, n_x), (rz_h, n_h) = parts
    gates = b.op1("Sigmoid", [b.op1("Add", [rz_x, rz_h])])
    r, z = b.op("Split", [gates, b.ints([hidden, hidden])], 2, axis=-1)
    n = b.op1("Tanh", [b.op1("Add", [n_x, b.op1("Mul", [r, n_h])])])
    return b.op("Add", [n, b.op1("Mul", [z, b.op1("Sub", [h, n])])])


def rnn_of_products(
    b: ModelBuilder, x: str, h: str, weights: Sequence[Matrix], bias: Array, nonlinearity: str
) -> list[str]:
    """As ``recurrent.rnn``."""
    drive, recurrent = (product(b, v, w) for v, w in zip((x, h), weights, strict=True))
    total = b.op1("Add", [drive, b.op1("Add", [recurrent, b.constant(bias)])])
    return b.op({"tanh": "Tanh", "relu": "Relu"}[nonlinearity], [total])
