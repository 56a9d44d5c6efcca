"""LSTM, GRU and RNN steps in ONNX operators.

The recurrent operators with one time step are used wherever they exist. In ONNX Runtime, written out in
MatMul or Gemm and elementwise operators, LSTM takes 1.05 to 1.5 times as long and GRU 1.1 to 1.9 times, at
every size from 8 to 256 units; RNN 0.9 to 1.3 times (``benchmarks/onnx_forms.py``). An LSTM with projection
has no operator and is written out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops import Gru, Lstm, Rnn

LSTM_ORDER = (0, 3, 1, 2)
"""ONNX i o f c from PyTorch i f g o (g is ONNX's c)."""

GRU_ORDER = (1, 0, 2)
"""ONNX z r h from PyTorch r z n (n is ONNX's h)."""

WRITTEN_OUT_ORDER = (0, 1, 3, 2)
"""i f o g from i f g o: the three sigmoids side by side."""


def reorder(array: Array, order: Sequence[int]) -> Array:
    """The blocks of the first axis, one a gate, in another order."""
    return np.concatenate([np.split(array, len(order))[k] for k in order])


def lower_lstm(op: Lstm, node: Node, b: ModelBuilder) -> list[str]:
    """LSTM, or its equations where there is a projection."""
    if op.proj_size:
        return _projected_lstm(op, node, b)
    x, h, c = (b.frame(v) for v in node.inputs[:3])
    w_ih, w_hh, bias = (reorder(w, LSTM_ORDER) for w in b.weights(node, node.inputs[3:]))
    biases = np.concatenate([bias, np.zeros_like(bias)])
    operands = [x, b.constant(w_ih[None]), b.constant(w_hh[None]), b.constant(biases[None]), "", h, c]
    outputs = ["", b.fresh("h"), b.fresh("c")]
    return b.op_named("LSTM", operands, outputs, hidden_size=op.hidden_size)[1:]


def lower_gru(op: Gru, node: Node, b: ModelBuilder) -> list[str]:
    """GRU with the reset gate applied after the product."""
    x, h = (b.frame(v) for v in node.inputs[:2])
    w_ih, w_hh, b_ih, b_hh = (reorder(w, GRU_ORDER) for w in b.weights(node, node.inputs[2:]))
    biases = np.concatenate([b_ih, b_hh])
    operands = [x, b.constant(w_ih[None]), b.constant(w_hh[None]), b.constant(biases[None]), "", h]
    attributes = {"hidden_size": op.hidden_size, "linear_before_reset": 1}
    return b.op_named("GRU", operands, ["", b.fresh("h")], **attributes)[1:]


def lower_rnn(op: Rnn, node: Node, b: ModelBuilder) -> list[str]:
    """RNN."""
    x, h = (b.frame(v) for v in node.inputs[:2])
    w_ih, w_hh, bias = b.weights(node, node.inputs[2:])
    biases = np.concatenate([bias, np.zeros_like(bias)])
    operands = [x, b.constant(w_ih[None]), b.constant(w_hh[None]), b.constant(biases[None]), "", h]
    activations = ["Tanh" if op.nonlinearity == "tanh" else "Relu"]
    outputs = ["", b.fresh("h")]
    return b.op_named("RNN", operands, outputs, hidden_size=op.hidden_size, activations=activations)[1:]


def _projected_lstm(op: Lstm, node: Node, b: ModelBuilder) -> list[str]:
    x, h, c = (b.frame(v) for v in node.inputs[:3])
    w_ih, w_hh, bias, w_hr = b.weights(node, node.inputs[3:])
    weights = reorder(np.concatenate([w_ih, w_hh], axis=1), WRITTEN_OUT_ORDER)
    product = b.op1("MatMul", [b.op1("Concat", [x, h], axis=-1), b.constant(weights.T)])
    total = b.op1("Add", [product, b.constant(reorder(bias, WRITTEN_OUT_ORDER))])
    hidden = op.hidden_size
    ifo, g = b.op("Split", [total, b.ints([3 * hidden, hidden])], 2, axis=-1)
    i, f, o = b.op("Split", [b.op1("Sigmoid", [ifo]), b.ints([hidden] * 3)], 3, axis=-1)
    kept, added = b.op1("Mul", [f, c]), b.op1("Mul", [i, b.op1("Tanh", [g])])
    c_next = b.op1("Add", [kept, added])
    full = b.op1("Mul", [o, b.op1("Tanh", [c_next])])
    return [b.op1("MatMul", [full, b.constant(w_hr.T)]), c_next]
