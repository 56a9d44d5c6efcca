"""One step of RNN, GRU and LSTM layers, with explicit state, as products and elementwise operators.

TensorFlow Lite's own recurrent operators keep their state inside, and there is none for GRU. Measured
for one step with XNNPACK, the forms of a layer (one product or one a gate, splits before or after the
sigmoid) are equally fast within 5 %; without XNNPACK, fewer copies win. Hence: x and h are concatenated,
gates share one product where they see the same operands, and its parts go into their functions unmoved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.lower import NO_ACTIVATION, RELU, Lowering, lower
from edgernn.ops import Gru, Lstm, Rnn


@lower.register
def _rnn(op: Rnn, to: Lowering) -> Sequence[int]:
    x, h = to.operand(0), to.operand(1)
    w = np.concatenate([to.weight(2), to.weight(3)], axis=1)
    relu = op.nonlinearity == "relu"
    total = to.fully_connected(to.concat([x, h], -1), w, to.weight(4), RELU if relu else NO_ACTIVATION)
    return [total if relu else to.unary("TANH", total)]


@lower.register
def _lstm(op: Lstm, to: Lowering) -> Sequence[int]:
    """Gate order i f g o."""
    x, h, c = (to.operand(k) for k in range(3))
    w = np.concatenate([to.weight(3), to.weight(4)], axis=1)
    i, f, g, o = to.split(to.fully_connected(to.concat([x, h], -1), w, to.weight(5)), 4)
    i, f, o = (to.unary("LOGISTIC", gate) for gate in (i, f, o))
    g = to.unary("TANH", g)
    c_next = to.binary("ADD", to.binary("MUL", f, c), to.binary("MUL", i, g))
    h_next = to.binary("MUL", o, to.unary("TANH", c_next))
    if op.proj_size:
        h_next = to.fully_connected(h_next, to.weight(6), np.zeros(op.proj_size, np.float32))
    return [h_next, c_next]


@lower.register
def _gru(op: Gru, to: Lowering) -> Sequence[int]:
    """Gate order r z n. r and z share a product; n needs its two parts apart."""
    x, h = to.operand(0), to.operand(1)
    w_ih, w_hh, b_ih, b_hh = (to.weight(k) for k in range(2, 6))
    rz = slice(0, 2 * op.hidden_size)
    n = slice(2 * op.hidden_size, None)
    w_rz = np.concatenate([w_ih[rz], w_hh[rz]], axis=1)
    gates = to.fully_connected(to.concat([x, h], -1), w_rz, b_ih[rz] + b_hh[rz])
    r, z = to.split(to.unary("LOGISTIC", gates), 2)
    n_h = to.fully_connected(h, w_hh[n], b_hh[n])
    n_x = to.fully_connected(x, w_ih[n], b_ih[n])
    candidate = to.unary("TANH", to.binary("ADD", n_x, to.binary("MUL", r, n_h)))
    return [to.binary("ADD", candidate, to.binary("MUL", z, to.binary("SUB", h, candidate)))]
