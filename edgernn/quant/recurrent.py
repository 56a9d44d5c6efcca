"""Rules for recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops import Gru, Lstm, Rnn
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16
from edgernn.quant.context import HEADROOM, INT16_MAX, Q12, Q15, Context
from edgernn.quant.fixed_point import high_word, rounded_int32
from edgernn.quant.weights import fits_int32, rounded, row_scales

MAX_SHIFT = 5
CELL_MARGIN = 1.25


@dataclass(frozen=True)
class JointRows:
    """Rows over [x; h]: int8 weights and the real value of one unit of their sums."""

    w_x: Array
    w_h: Array
    unit: Array


def joint_rows(w_x: Array, w_h: Array, scale_x: float, scale_h: float, levels: int) -> JointRows:
    """Quantize so that x and h, of different scales, are summed in one accumulator."""
    a, b = w_x * scale_x, w_h * scale_h
    unit = row_scales(np.concatenate([a, b], axis=1), levels)
    return JointRows(rounded(a, unit, levels), rounded(b, unit, levels), unit)


def expected_error(
    w_x: Array, w_h: Array, scale_x: float, scale_h: float, rms_x: float, rms_h: float, levels: int
) -> float:
    """Mean square of the error of pre-activations that rounding weights and h causes."""
    rows = joint_rows(w_x, w_h, scale_x, scale_h, levels)
    error_x = rows.w_x * rows.unit[:, None] / scale_x - w_x
    error_h = rows.w_h * rows.unit[:, None] / scale_h - w_h
    noise = np.sum(np.square(w_h)) * scale_h**2 / 12
    return float(np.sum(np.square(error_x)) * rms_x**2 + np.sum(np.square(error_h)) * rms_h**2 + noise)


def best_shift(ctx: Context, node: Node, w_x: Array, w_h: Array, scale_x: float) -> int:
    """By how many bits h, of Q0.15, is shortened before it is multiplied, to balance its weights with those of x."""
    rms_x, rms_h = ctx.rms(node.inputs[0]), ctx.rms(node.outputs[0])
    errors = [expected_error(w_x, w_h, scale_x, Q15 * 2**s, rms_x, rms_h, ctx.levels) for s in range(MAX_SHIFT + 1)]
    return int(np.argmin(errors))


def plan_states(ctx: Context, graph: Graph) -> None:
    """Choose the scale of every state before any node is rewritten."""
    carriers = {node.inputs[i]: (node, k) for node in graph.nodes for k, (i, _) in enumerate(node.op.carried)}
    for state in graph.states:
        node, kind = carriers.get(state.before, (None, 0))
        if node is None:
            bound = max(ctx.ranges[n].bound for n in (state.before, state.after) if n in ctx.ranges)
            ctx.states[state.before] = max(bound * HEADROOM, 1e-6) / INT16_MAX
        elif kind == 1:
            ctx.states[state.before] = 2.0 ** -cell_fraction(ctx, node)
        else:
            ctx.states[state.before] = _hidden_scale(ctx, node)


def cell_fraction(ctx: Context, node: Node) -> int:
    """Fraction bits of c: as many as its range at calibration, with a margin, leaves."""
    bound = max(ctx.ranges[node.inputs[2]].bound, ctx.ranges[node.outputs[1]].bound, 1e-3) * CELL_MARGIN
    return int(np.clip(np.floor(np.log2(INT16_MAX / bound)), 1, 15))


def _hidden_scale(ctx: Context, node: Node) -> float:
    op = node.op
    if isinstance(op, Gru):
        return Q15
    if (isinstance(op, Lstm) and op.proj_size) or (isinstance(op, Rnn) and op.nonlinearity == "relu"):
        return max(ctx.scale_of(node.outputs[0]), ctx.scale_of(node.inputs[1]))
    w_x, w_h = (ctx.weight(node, k) for k in ((3, 4) if isinstance(op, Lstm) else (2, 3)))
    return Q15 * float(2 ** best_shift(ctx, node, w_x, w_h, ctx.scale_of(node.inputs[0])))


def _fraction(scale: float) -> int:
    return round(-float(np.log2(scale)))


def _check(node: Node, *pairs: tuple[Array, ...]) -> None:
    if not all(fits_int32(*pair) for pair in pairs):
        raise UnsupportedOpError(
            "integer",
            node.op.kind,
            node.name,
            source=node.source,
            reason="a row is too long for 32-bit sums of int16 products",
        )


def lower_lstm(op: Lstm, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    x, h, c = inputs[:3]
    w_x, w_h, bias = (ctx.weight(node, k) for k in (3, 4, 5))
    rows = joint_rows(w_x, w_h, ctx.scales[x], ctx.scales[h], ctx.levels)
    _check(node, (rows.w_x, rows.w_h))
    operands = [
        x, h, c, ctx.constant(rows.w_x, f"{node.name}_w_x"), ctx.constant(rows.w_h, f"{node.name}_w_h"),
        ctx.constant(high_word(rows.unit / Q12), f"{node.name}_multiplier"),
        ctx.constant(rounded_int32(bias / Q12), f"{node.name}_bias"),
    ]  # fmt: skip
    fraction = 15
    if op.proj_size:
        operands += _projection(ctx, node, ctx.weight(node, 6), ctx.scales[h])
    else:
        fraction = _fraction(ctx.scales[h])
    integer = LstmInt16(op.hidden_size, op.proj_size, _fraction(ctx.scales[c]), fraction)
    h_next, c_next = ctx.builder.add(integer, operands, node.name)
    return ctx.put(h_next, ctx.scales[h]), ctx.put(c_next, ctx.scales[c])


def _projection(ctx: Context, node: Node, w: Array, scale: float) -> list[str]:
    unit = row_scales(w * Q15, ctx.levels)
    w_q = rounded(w * Q15, unit, ctx.levels)
    _check(node, (w_q,))
    return [
        ctx.constant(w_q, f"{node.name}_w_p"),
        ctx.constant(high_word(unit / scale), f"{node.name}_m_p"),
        ctx.constant(np.zeros(len(w), np.int32), f"{node.name}_b_p"),
    ]


def lower_gru(op: Gru, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    x, h = inputs[:2]
    w_x, w_h, b_x, b_h = (ctx.weight(node, k) for k in (2, 3, 4, 5))
    size = 2 * op.hidden_size
    shift = best_shift(ctx, node, w_x[:size], w_h[:size], ctx.scales[x])
    scale_h = Q15 * 2**shift
    gates = joint_rows(w_x[:size], w_h[:size], ctx.scales[x], scale_h, ctx.levels)
    unit_x, unit_h = (row_scales(w[size:] * s, ctx.levels) for w, s in ((w_x, ctx.scales[x]), (w_h, scale_h)))
    n_x, n_h = (
        rounded(w[size:] * s, u, ctx.levels) for w, s, u in ((w_x, ctx.scales[x], unit_x), (w_h, scale_h, unit_h))
    )
    _check(node, (gates.w_x, gates.w_h), (n_x,), (n_h,))
    bias = np.concatenate([b_x[:size] + b_h[:size], b_x[size:]])
    constants = {
        "w_x": np.concatenate([gates.w_x, n_x]),
        "w_h": np.concatenate([gates.w_h, n_h]),
        "m_x": high_word(np.concatenate([gates.unit, unit_x]) / Q12),
        "b_x": rounded_int32(bias / Q12),
        "m_h": high_word(unit_h / Q12),
        "b_h": rounded_int32(b_h[size:] / Q12),
    }
    operands = [x, h, *(ctx.constant(a, f"{node.name}_{n}") for n, a in constants.items())]
    return (ctx.put(ctx.builder.add1(GruInt16(op.hidden_size, shift), operands, node.name), Q15),)


def lower_rnn(op: Rnn, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    x, h = inputs[:2]
    w_x, w_h, bias = (ctx.weight(node, k) for k in (2, 3, 4))
    rows = joint_rows(w_x, w_h, ctx.scales[x], ctx.scales[h], ctx.levels)
    _check(node, (rows.w_x, rows.w_h))
    relu = op.nonlinearity == "relu"
    unit = ctx.scales[h] if relu else Q12
    operands = [
        x, h, ctx.constant(rows.w_x, f"{node.name}_w_x"), ctx.constant(rows.w_h, f"{node.name}_w_h"),
        ctx.constant(high_word(rows.unit / unit), f"{node.name}_multiplier"),
        ctx.constant(rounded_int32(bias / unit), f"{node.name}_bias"),
    ]  # fmt: skip
    integer = RnnInt16(op.hidden_size, op.nonlinearity, 15 if relu else _fraction(ctx.scales[h]))
    return (ctx.put(ctx.builder.add1(integer, operands, node.name), ctx.scales[h]),)
