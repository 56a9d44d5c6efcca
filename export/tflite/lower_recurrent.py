"""One step of RNN, GRU and LSTM layers, with explicit state, as products and elementwise operators.

TensorFlow Lite's own recurrent operators keep their state inside, and there is none for GRU. Of the forms
that a layer can take, this one (a product of x, a product of h, their sum split by gate) is the fastest
for one step with XNNPACK, by 1 to 5 % over one product of x and h concatenated, and it keeps the weights
as PyTorch has them. One product a gate is the slowest.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.export.tflite.lower import NO_ACTIVATION, RELU, Lowering, lower
from edgernn.ops import Gru, Lstm, Rnn


@lower.register
def _rnn(op: Rnn, to: Lowering) -> Sequence[int]:
    drive = to.fully_connected(to.operand(0), to.matrix(2), to.weight(4))
    recurrent = to.fully_connected(to.operand(1), to.matrix(3))
    relu = op.nonlinearity == "relu"
    total = to.binary("ADD", drive, recurrent, RELU if relu else NO_ACTIVATION)
    return [total if relu else to.unary("TANH", total)]


@lower.register
def _lstm(op: Lstm, to: Lowering) -> Sequence[int]:
    """Gate order i f g o."""
    x, h, c = (to.operand(k) for k in range(3))
    drive = to.fully_connected(x, to.matrix(3), to.weight(5))
    gates = to.binary("ADD", drive, to.fully_connected(h, to.matrix(4)))
    i, f, g, o = to.split(gates, 4)
    i, f, o = (to.unary("LOGISTIC", gate) for gate in (i, f, o))
    g = to.unary("TANH", g)
    c_next = to.binary("ADD", to.binary("MUL", f, c), to.binary("MUL", i, g))
    h_next = to.binary("MUL", o, to.unary("TANH", c_next))
    if op.proj_size:
        h_next = to.fully_connected(h_next, to.matrix(6))
    return [h_next, c_next]


@lower.register
def _gru(op: Gru, to: Lowering) -> Sequence[int]:
    """Gate order r z n."""
    x, h = to.operand(0), to.operand(1)
    r_x, z_x, n_x = to.split(to.fully_connected(x, to.matrix(2), to.weight(4)), 3)
    r_h, z_h, n_h = to.split(to.fully_connected(h, to.matrix(3), to.weight(5)), 3)
    r = to.unary("LOGISTIC", to.binary("ADD", r_x, r_h))
    z = to.unary("LOGISTIC", to.binary("ADD", z_x, z_h))
    n = to.unary("TANH", to.binary("ADD", n_x, to.binary("MUL", r, n_h)))
    return [to.binary("ADD", n, to.binary("MUL", z, to.binary("SUB", h, n)))]
