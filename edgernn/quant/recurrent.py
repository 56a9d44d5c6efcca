"""Rules for recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops import Gru, Lstm, Rnn, Running, Select
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16
from edgernn.quant.apart import lower_apart
from edgernn.quant.context import HEADROOM, INTEGER_MAX, Q12, Q15, Context, unit_of
from edgernn.quant.fixed_point import rounded_int32
from edgernn.quant.products import fit, multipliers
from edgernn.quant.running import exact_states
from edgernn.quant.weights import rounded, row_scales

MAX_SHIFT = 5
NARROW_SHIFT = 8
"""By how much h of a GRU, in Q0.15, is shortened to int8 where its range is 1."""
FINEST_NARROW_FRACTION = 9
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


def best_shift(ctx: Context, node: Node, w_x: Array, w_h: Array, scale_x: float, shifts: Sequence[int]) -> int:
    """By how many bits h, of Q0.15, is shortened before it is multiplied, to balance its weights with those of x."""
    rms, levels = (ctx.rms(node.inputs[0]), ctx.rms(node.outputs[0])), ctx.levels(node)
    errors = [expected_error(w_x, w_h, scale_x, Q15 * 2.0**s, *rms, levels) for s in shifts]
    return shifts[int(np.argmin(errors))]


def hidden_shifts(ctx: Context, node: Node) -> Sequence[int]:
    """The candidates of ``best_shift``; for int8 the least is what the range of h asks for."""
    if ctx.scheme_of(node).activation_dtype == "int16":
        return range(MAX_SHIFT + 1)
    h = node.op.carried[0][0]
    bound = max(ctx.scale_of(name, "int8") for name in (node.inputs[h], node.outputs[0])) * 127
    finest = 15 - FINEST_NARROW_FRACTION
    least = int(np.clip(np.ceil(np.log2(bound / 127 / Q15)), finest, NARROW_SHIFT))
    return range(least, NARROW_SHIFT + 1)


def plan_states(ctx: Context, graph: Graph) -> None:
    """Choose the scale of every state before any node is rewritten."""
    carriers = {node.inputs[i]: (node, k) for node in graph.nodes for k, (i, _) in enumerate(node.op.carried)}
    starts = [node for node in graph.nodes if isinstance(node.op, Select) and node.outputs[0] in carriers]
    carriers.update((node.inputs[2], carriers[node.outputs[0]]) for node in starts)
    for known in graph.nodes:
        ctx.exact.update(exact_states(known))
    for state in graph.states:
        node, kind = carriers.get(state.before, (None, 0))
        if state.before in ctx.exact or ctx.is_plain(state.before):
            continue
        if node is not None and isinstance(node.op, Running):
            ctx.states[state.before] = ctx.scale_of(node.outputs[0])
        elif node is None:
            bound = max(ctx.ranges[n].bound for n in (state.before, state.after) if n in ctx.ranges)
            ctx.states[state.before] = unit_of(bound * HEADROOM)
        elif kind == 1:
            ctx.states[state.before] = 2.0 ** -cell_fraction(ctx, node)
        else:
            ctx.states[state.before] = _hidden_scale(ctx, node)


def cell_fraction(ctx: Context, node: Node) -> int:
    """Fraction bits of c: as many as its range at calibration, with a margin, leaves."""
    bound = max(ctx.bound(node.inputs[2]), ctx.bound(node.outputs[1]), 1e-3) * CELL_MARGIN
    return int(np.clip(np.floor(np.log2(INTEGER_MAX["int16"] / bound)), 1, 15))


def _hidden_scale(ctx: Context, node: Node) -> float:
    op = node.op
    if isinstance(op, Gru):
        return Q15
    if (isinstance(op, Lstm) and op.proj_size) or (isinstance(op, Rnn) and op.nonlinearity == "relu"):
        dtype = ctx.dtype_of(node.outputs[0])
        return max(ctx.scale_of(node.outputs[0], dtype), ctx.scale_of(node.inputs[1], dtype))
    w_x, w_h = (ctx.weight(node, k) for k in ((3, 4) if isinstance(op, Lstm) else (2, 3)))
    scale_x = ctx.scale_of(node.inputs[0], ctx.scheme_of(node).activation_dtype)
    return Q15 * 2.0 ** best_shift(ctx, node, w_x, w_h, scale_x, hidden_shifts(ctx, node))


def _with_states(ctx: Context, node: Node, inputs: Sequence[str]) -> list[str]:
    """``inputs`` with states as the layer needs them. Those that are a part of a state, or computed, as step modules
    may give them, have other scales.
    """
    found = list(inputs)
    for kind, (k, _) in enumerate(node.op.carried):
        name = ctx.operand(node, inputs, k) if node.inputs[k] in ctx.constants else inputs[k]
        dtype = "int16" if kind == 1 or isinstance(node.op, Gru) else ctx.scheme_of(node).activation_dtype
        scale = 2.0 ** -cell_fraction(ctx, node) if kind == 1 else _hidden_scale(ctx, node)
        found[k] = ctx.rescaled(name, scale, dtype=dtype)
    return found


def _fraction(scale: float) -> int:
    return round(-float(np.log2(scale)))


def lower_lstm(op: Lstm, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    inputs = _with_states(ctx, node, inputs)
    x, (h, c) = ctx.activation(node, inputs), inputs[1:3]
    w_x, w_h, bias = (ctx.weight(node, k) for k in (3, 4, 5))
    rows = joint_rows(w_x, w_h, ctx.scales[x], ctx.scales[h], ctx.levels(node))
    gates = (rows.w_x, rows.w_h), rows.unit / Q12
    fraction = _fraction(ctx.scales[h]) if not op.proj_size else 15 if ctx.width(x) == "int16" else 15 - NARROW_SHIFT
    projection = _projection(ctx, node, 2.0**-fraction, ctx.scales[h]) if op.proj_size else None
    if not fit(ctx.width(x), gates, *([projection] if projection else [])):
        return lower_apart(op, ctx, node, inputs)
    shift, (multiplier,) = multipliers(node, ctx.width(x), gates)
    operands = [
        x, h, c, ctx.constant(rows.w_x, f"{node.name}_w_x"), ctx.constant(rows.w_h, f"{node.name}_w_h"),
        ctx.constant(multiplier, f"{node.name}_multiplier"),
        ctx.constant(rounded_int32(bias / Q12), f"{node.name}_bias"),
    ]  # fmt: skip
    projection_shift = 0
    if projection:
        projection_shift, (m_p,) = multipliers(node, ctx.width(x), projection)
        constants = {"w_p": projection[0][0], "m_p": m_p, "b_p": np.zeros(len(m_p), np.int32)}
        operands += [ctx.constant(array, f"{node.name}_{name}") for name, array in constants.items()]
    integer = LstmInt16(op.hidden_size, op.proj_size, _fraction(ctx.scales[c]), fraction, shift, projection_shift)
    h_next, c_next = ctx.builder.add(integer, operands, node.name)
    return ctx.put(h_next, ctx.scales[h]), ctx.put(c_next, ctx.scales[c])


def _projection(ctx: Context, node: Node, unit_p: float, scale: float) -> tuple[tuple[Array], Array]:
    """The product with what is projected, in units of ``unit_p``: its matrix, and the units of sums over ``scale``."""
    w = ctx.weight(node, 6) * unit_p
    unit = row_scales(w, ctx.levels(node))
    return (rounded(w, unit, ctx.levels(node)),), unit / scale


def lower_gru(op: Gru, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    inputs = _with_states(ctx, node, inputs)
    x, h = ctx.activation(node, inputs), inputs[1]
    w_x, w_h, b_x, b_h = (ctx.weight(node, k) for k in (2, 3, 4, 5))
    size = 2 * op.hidden_size
    shift = best_shift(ctx, node, w_x[:size], w_h[:size], ctx.scales[x], hidden_shifts(ctx, node))
    scale_h = Q15 * 2**shift
    gates = joint_rows(w_x[:size], w_h[:size], ctx.scales[x], scale_h, ctx.levels(node))
    unit_x, unit_h = (row_scales(w[size:] * s, ctx.levels(node)) for w, s in ((w_x, ctx.scales[x]), (w_h, scale_h)))
    n_x, n_h = (
        rounded(w[size:] * s, u, ctx.levels(node)) for w, s, u in ((w_x, ctx.scales[x], unit_x), (w_h, scale_h, unit_h))
    )
    products = ((gates.w_x, gates.w_h), gates.unit / Q12), ((n_x,), unit_x / Q12), ((n_h,), unit_h / Q12)
    if not fit(ctx.width(x), *products):
        return lower_apart(op, ctx, node, inputs)
    pre_shift, (m_gates, m_x, m_h) = multipliers(node, ctx.width(x), *products)
    bias = np.concatenate([b_x[:size] + b_h[:size], b_x[size:]])
    constants = {
        "w_x": np.concatenate([gates.w_x, n_x]),
        "w_h": np.concatenate([gates.w_h, n_h]),
        "m_x": np.concatenate([m_gates, m_x]),
        "b_x": rounded_int32(bias / Q12),
        "m_h": m_h,
        "b_h": rounded_int32(b_h[size:] / Q12),
    }
    operands = [x, h, *(ctx.constant(a, f"{node.name}_{n}") for n, a in constants.items())]
    return (ctx.put(ctx.builder.add1(GruInt16(op.hidden_size, shift, pre_shift), operands, node.name), Q15),)


def lower_rnn(op: Rnn, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    inputs = _with_states(ctx, node, inputs)
    x, h = ctx.activation(node, inputs), inputs[1]
    w_x, w_h, bias = (ctx.weight(node, k) for k in (2, 3, 4))
    rows = joint_rows(w_x, w_h, ctx.scales[x], ctx.scales[h], ctx.levels(node))
    relu = op.nonlinearity == "relu"
    unit = ctx.scales[h] if relu else Q12
    products = (rows.w_x, rows.w_h), rows.unit / unit
    if not fit(ctx.width(x), products):
        return lower_apart(op, ctx, node, inputs)
    shift, (multiplier,) = multipliers(node, ctx.width(x), products)
    operands = [
        x, h, ctx.constant(rows.w_x, f"{node.name}_w_x"), ctx.constant(rows.w_h, f"{node.name}_w_h"),
        ctx.constant(multiplier, f"{node.name}_multiplier"),
        ctx.constant(rounded_int32(bias / unit), f"{node.name}_bias"),
    ]  # fmt: skip
    integer = RnnInt16(op.hidden_size, op.nonlinearity, 15 if relu else _fraction(ctx.scales[h]), shift)
    return (ctx.put(ctx.builder.add1(integer, operands, node.name), ctx.scales[h]),)
