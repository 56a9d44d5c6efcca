"""Integer LSTM, GRU and RNN in the recurrent operators of ONNX, on real values, or as products of 8 bits."""

from __future__ import annotations

import numpy as np

from edgernn.export.onnx.integer import Q12, Q15, RESULT, real, units, weights
from edgernn.export.onnx.integer_products import (
    gru_of_products,
    lstm_of_products,
    rnn_of_products,
    takes_products,
)
from edgernn.export.onnx.lower import lower
from edgernn.export.onnx.model import ModelBuilder
from edgernn.export.onnx.recurrent import gru, lstm, projected_lstm, rnn
from edgernn.ir.graph import Node
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16


@lower.register
def _lstm(op: LstmInt16, node: Node, b: ModelBuilder) -> list[str]:
    """Of h there is only the product, so that its integers will do."""
    (x, x_scale), (h, h_scale), c = b.factor(0), b.factor(1), b.frame(node.inputs[2])
    w_x, w_h, multiplier, bias = b.weights(node, node.inputs[3:7])
    unit = units(multiplier, Q12, op.pre_shift)
    matrices = [weights(w_x, unit, x_scale), weights(w_h, unit, h_scale)]
    written = projected_lstm if op.proj_size else lstm
    if takes_products(b, node, w_x, w_h):
        written = lstm_of_products
    if not op.proj_size:
        return written(b, x, h, c, matrices, real(bias, Q12))
    w_p, m_p, b_p = b.weights(node, node.inputs[7:])
    projection = weights(w_p, units(m_p, b.scale(RESULT), op.projection_shift), 2.0**-op.hidden_fraction)
    h_next, c_next = written(b, x, h, c, [*matrices, projection], real(bias, Q12))
    if b_p.any():
        h_next = b.op1("Add", [h_next, b.constant(real(b_p, b.scale(RESULT)))])
    return [h_next, c_next]


@lower.register
def _gru(op: GruInt16, node: Node, b: ModelBuilder) -> list[str]:
    w_x, w_h, m_x, b_x, m_h, b_h = b.weights(node, node.inputs[2:])
    size = 2 * op.hidden_size
    unit_x, unit_n = (units(m, Q12, op.pre_shift) for m in (m_x, m_h))
    unit_h = np.concatenate([unit_x[:size], unit_n])
    (x, x_scale), h = b.factor(0), b.frame(node.inputs[1])
    matrices = [weights(w_x, unit_x, x_scale), weights(w_h, unit_h, Q15 * 2**op.shift)]
    biases = [real(b_x, Q12), real(np.concatenate([np.zeros(size, b_h.dtype), b_h]), Q12)]
    written = gru_of_products if takes_products(b, node, w_x, w_h) else gru
    return written(b, x, h, matrices, biases)


@lower.register
def _rnn(op: RnnInt16, node: Node, b: ModelBuilder) -> list[str]:
    w_x, w_h, multiplier, bias = b.weights(node, node.inputs[2:])
    scale = b.scale(RESULT) if op.nonlinearity == "relu" else Q12
    unit = units(multiplier, scale, op.pre_shift)
    (x, x_scale), (h, h_scale) = b.factor(0), b.factor(1)
    matrices = [weights(w_x, unit, x_scale), weights(w_h, unit, h_scale)]
    written = rnn_of_products if takes_products(b, node, w_x, w_h) else rnn
    return written(b, x, h, matrices, real(bias, scale), op.nonlinearity)
