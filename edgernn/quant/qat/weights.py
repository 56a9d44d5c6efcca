"""The real weights that the integers of a node stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array, Op
from edgernn.ops.integer.dense import EmbeddingInt16, LinearInt16
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16
from edgernn.quant.context import Q12, Q15

HIGH_WORD = 2.0**32


def real_weights(graph: Graph, node: Node, scales: Mapping[str, float]) -> dict[int, Array]:
    """Operand of the float node -> matrix, float64, for which ``node`` of the integer program computes.

    ``scales`` are the real values of one unit, by value of the program. Empty for a node without matrices.
    """
    operands = [graph.constants.get(name, np.empty(0)).astype(np.float64) for name in node.inputs]
    units = [scales.get(name, 1.0) for name in (*node.inputs, *node.outputs)]
    return _real(node.op, operands, units)


@singledispatch
def _real(op: Op, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    """``units`` are those of the operands, then of the results."""
    return {}


def _rows(w: Array, multiplier: Array, pre_shift: int, unit: float, unit_x: float) -> Array:
    """Weights of x in units of ``unit_x``, of sums that ``requantize`` brings to units of ``unit``."""
    return w * (multiplier * 2.0**pre_shift / HIGH_WORD * unit / unit_x)[:, None]


@_real.register
def _(op: LinearInt16, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    return {1: _rows(operands[1], operands[2], op.pre_shift, units[-1], units[0])}


@_real.register
def _(op: EmbeddingInt16, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    return {1: operands[1] * (operands[2] / 2.0**16 * units[-1])[:, None]}


@_real.register
def _(op: LstmInt16, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    _, _, _, w_x, w_h, multiplier = operands[:6]
    found = {
        3: _rows(w_x, multiplier, op.pre_shift, Q12, units[0]),
        4: _rows(w_h, multiplier, op.pre_shift, Q12, units[1]),
    }
    if op.proj_size:
        unit_p = 2.0**-op.hidden_fraction
        found[6] = _rows(operands[7], operands[8], op.projection_shift, units[1], unit_p)
    return found


@_real.register
def _(op: GruInt16, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    _, _, w_x, w_h, m_x, _, m_h, _ = operands
    m_recurrent = np.concatenate([m_x[: 2 * op.hidden_size], m_h])
    return {
        2: _rows(w_x, m_x, op.pre_shift, Q12, units[0]),
        3: _rows(w_h, m_recurrent, op.pre_shift, Q12, Q15 * 2.0**op.shift),
    }


@_real.register
def _(op: RnnInt16, operands: Sequence[Array], units: Sequence[float]) -> dict[int, Array]:
    _, _, w_x, w_h, multiplier, _ = operands
    unit = units[1] if op.nonlinearity == "relu" else Q12
    return {
        2: _rows(w_x, multiplier, op.pre_shift, unit, units[0]),
        3: _rows(w_h, multiplier, op.pre_shift, unit, units[1]),
    }
