"""LSTM, GRU and RNN in ONNX operators: one step, or all steps of a segment (``ModelBuilder.direction``).

The recurrent operators are used wherever they exist. In ONNX Runtime, a step written out in MatMul or Gemm and
elementwise operators takes 1.05 to 1.5 times as long for LSTM and 1.1 to 1.9 times for GRU, at every size from 8 to
256 units; RNN 0.9 to 1.3 times (``benchmarks/onnx_forms.py``). An LSTM with projection has no operator and is written
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgernn.export.onnx.matrix import Matrix, matrix, reorder
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


def lower_lstm(op: Lstm, node: Node, b: ModelBuilder) -> list[str]:
    """LSTM, or its equations where there is a projection."""
    x, h, c = (b.frame(v) for v in node.inputs[:3])
    weights = [matrix(b, node, k) for k in range(3, len(node.inputs)) if k != 5]
    (bias,) = b.weights(node, node.inputs[5:6])
    return projected_lstm(b, x, h, c, weights, bias) if op.proj_size else lstm(b, x, h, c, weights, bias)


def lower_gru(op: Gru, node: Node, b: ModelBuilder) -> list[str]:
    """GRU with the reset gate applied after the product."""
    x, h = (b.frame(v) for v in node.inputs[:2])
    return gru(b, x, h, [matrix(b, node, k) for k in (2, 3)], b.weights(node, node.inputs[4:]))


def lower_rnn(op: Rnn, node: Node, b: ModelBuilder) -> list[str]:
    """RNN."""
    x, h = (b.frame(v) for v in node.inputs[:2])
    (bias,) = b.weights(node, node.inputs[4:])
    return rnn(b, x, h, [matrix(b, node, k) for k in (2, 3)], bias, op.nonlinearity)


def lstm(b: ModelBuilder, x: str, h: str, c: str, weights: Sequence[Matrix], bias: Array) -> list[str]:
    """The operator. ``weights`` of x and h and ``bias`` in PyTorch's order of gates, i f g o."""
    matrices = (w.reordered(LSTM_ORDER).put(b, lead=1) for w in weights)
    bias = reorder(bias, LSTM_ORDER)
    operands = [x, *matrices, b.constant(np.concatenate([bias, np.zeros_like(bias)])[None]), "", h, c]
    return _recurrent(b, "LSTM", operands, 2, hidden_size=len(bias) // 4)


def gru(b: ModelBuilder, x: str, h: str, weights: Sequence[Matrix], biases: Sequence[Array]) -> list[str]:
    """The operator. ``weights`` and ``biases`` of x and h in PyTorch's order of gates, r z n."""
    matrices = (w.reordered(GRU_ORDER).put(b, lead=1) for w in weights)
    both = np.concatenate([reorder(bias, GRU_ORDER) for bias in biases])
    attributes = {"hidden_size": len(both) // 6, "linear_before_reset": 1}
    operands = [x, *matrices, b.constant(both[None]), "", h]
    return _recurrent(b, "GRU", operands, 1, **attributes)


def rnn(b: ModelBuilder, x: str, h: str, weights: Sequence[Matrix], bias: Array, nonlinearity: str) -> list[str]:
    """The operator. ``weights`` of x and h."""
    biases = np.concatenate([bias, np.zeros_like(bias)])
    operands = [x, *(w.put(b, lead=1) for w in weights), b.constant(biases[None]), "", h]
    attributes = {"hidden_size": len(bias), "activations": [{"tanh": "Tanh", "relu": "Relu"}[nonlinearity]]}
    return _recurrent(b, "RNN", operands, 1, **attributes)


def _recurrent(b: ModelBuilder, kind: str, operands: Sequence[str], states: int, **attributes: Any) -> list[str]:
    """The operator, and its states after the step. Of whole segments h is that of all frames, c that after the last."""
    after = [b.fresh("h"), b.fresh("c")][:states]
    if not b.direction:
        return b.op_named(kind, operands, ["", *after], **attributes)[1:]
    series, *rest = b.op_named(kind, operands, [b.fresh("series"), "", *after[1:]], direction=b.direction, **attributes)
    return [b.op1("Squeeze", [series, b.ints([1])]), *rest[1:]]


def projected_lstm(b: ModelBuilder, x: str, h: str, c: str, weights: Sequence[Matrix], bias: Array) -> list[str]:
    """The equations of ``lstm``; the third of ``weights`` is that of the projection."""
    both = [w.reordered(WRITTEN_OUT_ORDER).put(b, transposed=True) for w in weights[:2]]
    product = b.op1("MatMul", [b.op1("Concat", [x, h], axis=-1), b.op1("Concat", both, axis=0)])
    total = b.op1("Add", [product, b.constant(reorder(bias, WRITTEN_OUT_ORDER))])
    full, c_next = lstm_gates(b, total, c, len(bias) // 4)
    return [b.op1("MatMul", [full, weights[2].put(b, transposed=True)]), c_next]


def lstm_gates(b: ModelBuilder, total: str, c: str, hidden: int) -> list[str]:
    """h and c from c and the sums of the gates i f o g."""
    ifo, g = b.op("Split", [total, b.ints([3 * hidden, hidden])], 2, axis=-1)
    i, f, o = b.op("Split", [b.op1("Sigmoid", [ifo]), b.ints([hidden] * 3)], 3, axis=-1)
    kept, added = b.op1("Mul", [f, c]), b.op1("Mul", [i, b.op1("Tanh", [g])])
    c_next = b.op1("Add", [kept, added])
    return [b.op1("Mul", [o, b.op1("Tanh", [c_next])]), c_next]
