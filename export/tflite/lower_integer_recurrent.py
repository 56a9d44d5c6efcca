"""One step of integer RNN, GRU and LSTM layers, with explicit integer state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.integer import Q12, Q15, binary, fully_connected, gate, rescaled, scale_of, units, widened
from edgernn.export.tflite.lower import NO_ACTIVATION, RELU, Lowering, lower
from edgernn.ir.op import Array
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16


def joint_product(
    to: Lowering, x: int, h: int, w: tuple[Array, Array], unit: Array, bias: Array, scale: float, bound: float = np.inf,
    activation: int = NO_ACTIVATION,
) -> int:  # fmt: skip
    """w_x x + w_h h + bias in units of ``scale``; a unit of the sums of a row is the same for x and h.

    The two products are separate, in units of ``scale`` or larger ones such that none can saturate, and then
    added: x and h have different scales, and CONCATENATION, as the format defines it, asks for one.
    ``bound`` is the largest real value of h.
    """
    drive, recurrent = (
        fully_connected(to, widened(to, v), m, unit, b, max(scale, _reach(m, unit, b, limit) / 32767))
        for v, m, b, limit in (
            (x, w[0], bias, _largest(to, x)), (h, w[1], None, min(bound / scale_of(to, h), _largest(to, h))),
        )
    )  # fmt: skip
    return binary(to, "ADD", drive, recurrent, scale, activation)


def _largest(to: Lowering, x: int) -> int:
    """Magnitude of an int8 or int16 tensor."""
    return -int(np.iinfo(to.writer.dtype(x)).min)


def _reach(w: Array, unit: Array, bias: Array | None, limit: float) -> float:
    """The largest magnitude that a product with integers of at most ``limit`` can have."""
    largest = np.abs(w.astype(np.int64)).sum(axis=1) * limit * unit
    return float((largest if bias is None else largest + np.abs(bias)).max())


@lower.register
def _lstm(op: LstmInt16, to: Lowering) -> Sequence[int]:
    """Gate order i f g o."""
    x, h, c = (to.operand(k) for k in range(3))
    w_x, w_h, multiplier, bias = (to.weight(k) for k in range(3, 7))
    unit = units(multiplier, Q12, op.pre_shift)
    gates = joint_product(to, x, h, (w_x, w_h), unit, bias * Q12, Q12, np.inf if op.proj_size else 1.0)
    i, f, g, o = to.split(gates, 4)
    i, f, o = (gate(to, "LOGISTIC", v) for v in (i, f, o))
    cell_scale = 2.0**-op.cell_fraction
    kept, added = binary(to, "MUL", f, c, cell_scale), binary(to, "MUL", i, gate(to, "TANH", g), Q15)
    c_next = binary(to, "ADD", kept, added, cell_scale)
    wave = gate(to, "TANH", c_next)
    dtype = to.graph.values[to.node.outputs[0]].dtype
    h_next = binary(to, "MUL", o, wave, 2.0**-op.hidden_fraction if dtype == "int16" else Q15)
    if op.proj_size:
        scale = to.scales[to.node.outputs[0]]
        w, m, b = (to.weight(k) for k in (7, 8, 9))
        finer = scale_of(to, h_next) * 2.0**op.hidden_fraction
        h_next = fully_connected(to, h_next, w, units(m, scale, op.projection_shift) * finer, b * scale, scale)
    return [rescaled(to, h_next, to.scales[to.node.outputs[0]], dtype), c_next]


@lower.register
def _gru(op: GruInt16, to: Lowering) -> Sequence[int]:
    """Gate order r z n."""
    x, h = to.operand(0), to.operand(1)
    w_x, w_h, m_x, b_x, m_h, b_h = (to.weight(k) for k in range(2, 8))
    size = 2 * op.hidden_size
    k = rescaled(to, h, Q15 * 2**op.shift)
    unit, bias = units(m_x, Q12, op.pre_shift), b_x * Q12
    gates = joint_product(to, x, k, (w_x[:size], w_h[:size]), unit[:size], bias[:size], Q12, 1.0)
    r, z = to.split(gate(to, "LOGISTIC", gates), 2)
    n_x = fully_connected(to, widened(to, x), w_x[size:], unit[size:], bias[size:], Q12)
    n_h = fully_connected(to, k, w_h[size:], units(m_h, Q12, op.pre_shift), b_h * Q12, Q12)
    n = gate(to, "TANH", binary(to, "ADD", n_x, binary(to, "MUL", r, n_h, Q12), Q12))
    rest = binary(to, "SUB", n, binary(to, "MUL", z, n, Q15), Q15)
    return [binary(to, "ADD", rest, binary(to, "MUL", z, h, Q15), Q15)]


@lower.register
def _rnn(op: RnnInt16, to: Lowering) -> Sequence[int]:
    x, h = to.operand(0), to.operand(1)
    w_x, w_h, multiplier, bias = (to.weight(k) for k in range(2, 6))
    relu, scale = op.nonlinearity == "relu", to.scales[to.node.outputs[0]]
    sum_scale = scale if relu else Q12
    unit = units(multiplier, sum_scale, op.pre_shift)
    total = joint_product(
        to, x, h, (w_x, w_h), unit, bias * sum_scale, sum_scale, np.inf if relu else 1.0,
        RELU if relu else NO_ACTIVATION,
    )
    dtype = to.graph.values[to.node.outputs[0]].dtype
    return [rescaled(to, total if relu else gate(to, "TANH", total), scale, dtype)]
