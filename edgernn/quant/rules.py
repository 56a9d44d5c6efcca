"""Rules for all ops but the recurrent ones: float node -> integer nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import singledispatch

import numpy as np

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Node
from edgernn.ir.op import Array, Op
from edgernn.ops import (
    Binary,
    Concat,
    Embedding,
    Expand,
    Gru,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    MaskedSoftmax,
    Matmul,
    Reduce,
    Reshape,
    Rnn,
    Running,
    Select,
    Slice,
    Softmax,
    Transpose,
    Unary,
)  # fmt: skip
from edgernn.ops.integer.dense import EmbeddingInt16
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, AddInt16, ClipInt16, DivInt16, MulInt16, TableInt16
from edgernn.ops.integer.fit import fit_table
from edgernn.ops.integer.frame import (
    LayerNormInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    ReduceInt16,
    SoftmaxInt16,
)
from edgernn.ops.integer.tables import SIGMOID, TANH
from edgernn.ops.unary import UNARY_FUNCTIONS
from edgernn.quant.context import INTEGER_MAX, LARGEST_EXPONENT, LARGEST_STEP, Q12, Q15, Context, unit_of
from edgernn.quant.dense import Dense, lower_dense
from edgernn.quant.fixed_point import high_word, multiplier_and_shift, rounded_int32
from edgernn.quant.magnitude import legs_of, magnitude
from edgernn.quant.power import band_power, log_power
from edgernn.quant.recurrent import lower_gru, lower_lstm, lower_rnn
from edgernn.quant.running import lower_running
from edgernn.quant.tables import by_tables
from edgernn.quant.weights import rounded, row_scales

Names = tuple[str, ...]

VANISHING = 11.0
"""exp of so much less than the largest exponent is no unit of a 16-bit result any more."""
FINEST_LOGARITHM = 2.0**-14
"""Least unit of log_softmax, in units of what it is computed from."""


@singledispatch
def lower(op: Op, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    """Add integer nodes for ``node`` and return the names of its results; their scales are in ``ctx.scales``."""
    raise UnsupportedOpError("integer", op.kind, node.name, source=node.source, reason="it has no integer form")


lower.register(Lstm)(lower_lstm)
lower.register(Gru)(lower_gru)
lower.register(Rnn)(lower_rnn)
lower.register(Running)(lower_running)


@lower.register
def _(op: Linear, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    dtype = ctx.dtype_of(node.outputs[0])
    layer = Dense(ctx.weight(node, 1), ctx.weight(node, 2), ctx.scale_of(node.outputs[0], dtype), dtype)
    return (lower_dense(ctx, node, ctx.activation(node, inputs), layer),)


@lower.register
def _(op: Embedding, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    table = ctx.weight(node, 1)
    dtype = ctx.dtype_of(node.outputs[0])
    scale = unit_of(float(np.abs(table).max()), dtype)
    unit = row_scales(table, ctx.levels(node))
    multiplier = np.round(unit / scale * 65536).astype(np.int32)
    operands = [inputs[0], ctx.constant(rounded(table, unit, ctx.levels(node)), f"{node.name}_table"),
                ctx.constant(multiplier, f"{node.name}_multiplier")]  # fmt: skip
    return (ctx.put(ctx.builder.add1(EmbeddingInt16(dtype), operands, node.name), scale),)


@lower.register(Reshape)
@lower.register(Transpose)
@lower.register(Expand)
@lower.register(Slice)
def _(op: Op, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    y = ctx.builder.add1(op, inputs, node.name)
    if inputs[0] in ctx.scales:
        ctx.put(y, ctx.scales[inputs[0]])
    return (y,)


@lower.register
def _(op: Select, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    """In the units of the second choice where it is a value, which a state that is kept is; else of the first.

    Between a statistic over time and the state that holds it, the choice is between exact integers.
    """
    signal, a, b = inputs
    kept = node.inputs[2] in ctx.exact or node.inputs[2] in ctx.exact_after
    if (node.inputs[1] in ctx.exact_after and kept) or ctx.is_plain(node.inputs[1]):
        y = ctx.builder.add1(op, [signal, ctx.exact_after.get(node.inputs[1], a), b], node.name)
        ctx.exact_after[node.outputs[0]] = y
        return (y,)
    if node.inputs[2] in ctx.constants:
        b = ctx.constant_in_units_of(a, ctx.constants[node.inputs[2]], node.inputs[2])
    a = ctx.rescaled(a, ctx.scales[b], dtype=ctx.width(b))
    return (ctx.put(ctx.builder.add1(op, [signal, a, b], node.name), ctx.scales[b]),)


@lower.register
def _(op: Concat, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    if ctx.is_plain(node.outputs[0]):
        return (ctx.builder.add1(op, inputs, node.name),)
    dtype = ctx.dtype_of(node.outputs[0])
    if dtype == "int16":
        operands = [ctx.operand(node, inputs, k) for k in range(len(inputs))]
        scales = [ctx.scales[n] for n in operands]
    else:
        is_constant = [name in ctx.constants for name in node.inputs]
        operands = [ctx.operand(node, inputs, k) if is_constant[k] else n for k, n in enumerate(inputs)]
        scales = [ctx.narrow_scale(node, operands, k) for k in range(len(inputs))]
    scale = max(scales)
    joined = [ctx.rescaled(n, scale, dtype=dtype) for n in operands]
    return (ctx.put(ctx.builder.add1(op, joined, node.name), scale),)


@lower.register
def _(op: Binary, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    if op.function == "pow":
        return _power(ctx, node, inputs)
    if op.function == "div" and node.inputs[1] in ctx.constants:
        return _times_constant(ctx, node, inputs, 1.0 / ctx.weight(node, 1))
    a, b = (ctx.operand(node, inputs, k) for k in (0, 1))
    if op.function == "mul":
        return _multiply(ctx, node, a, b)
    if op.function == "div":
        return _divide(ctx, node, a, b)
    if op.function not in ("add", "sub", "maximum", "minimum"):
        raise UnsupportedOpError(
            "integer", f"binary({op.function})", node.name, source=node.source, reason="it has no integer form"
        )
    sign = -1.0 if op.function == "sub" else 1.0
    scale = max(ctx.scale_of(node.outputs[0]), *(ctx.scales[n] / LARGEST_STEP for n in (a, b)))
    (m_a, m_b), shift = multiplier_and_shift([ctx.scales[a] / scale, sign * ctx.scales[b] / scale], MULTIPLIER_MAX + 1)
    function = "add" if op.function == "sub" else op.function
    return (ctx.put(ctx.builder.add1(AddInt16(function, m_a, m_b, shift), [a, b], node.name), scale),)


def _multiply(ctx: Context, node: Node, a: str, b: str) -> Names:
    product = ctx.scales[a] * ctx.scales[b]
    scale = max(ctx.scale_of(node.outputs[0]), product * 2.01)
    multiplier = int(high_word(np.asarray(product / scale)))
    return (ctx.put(ctx.builder.add1(MulInt16(multiplier), [a, b], node.name), scale),)


def _divide(ctx: Context, node: Node, a: str, b: str) -> Names:
    scale = max(ctx.scale_of(node.outputs[0]), ctx.scales[a] / ctx.scales[b] / 2**30)
    ratio = ctx.scales[a] / ctx.scales[b] / scale
    shift = max(0, min(30, 30 - math.ceil(math.log2(ratio))))
    return (ctx.put(ctx.builder.add1(DivInt16(round(ratio * 2**shift), shift), [a, b], node.name), scale),)


def _times_constant(ctx: Context, node: Node, inputs: Sequence[str], factor: Array) -> Names:
    return _multiply(ctx, node, ctx.wide(inputs[0]), ctx.int16_constant(factor, f"{node.name}_reciprocal"))


CLIPS: dict[str, Callable[..., tuple[float, float]]] = {
    "relu": lambda: (0.0, np.inf),
    "clip": lambda low, high: (low, high),
}


@lower.register
def _(op: Unary, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = ctx.wide(inputs[0])
    if op.function in CLIPS:
        low, high = (b / ctx.scales[x] for b in CLIPS[op.function](*op.parameters))
        bounds = [int(np.clip(np.round(b), -32768, 32767)) for b in (low, high)]
        return (ctx.put(ctx.builder.add1(ClipInt16(*bounds), [x], node.name), ctx.scales[x]),)
    if op.function == "square":
        return _multiply(ctx, node, x, x)
    if op.function == "sqrt" and (legs := legs_of(ctx, node.inputs[0])):
        return (magnitude(ctx, node, *legs),)
    if op.function == "log" and (power := band_power(ctx, node.inputs[0])):
        return (log_power(ctx, node, power),)
    if op.function in ("sigmoid", "tanh"):
        table = ctx.constant(SIGMOID if op.function == "sigmoid" else TANH, op.function)
        y = ctx.builder.add1(TableInt16(), [ctx.rescaled(x, Q12), table], node.name)
        return (ctx.put(y, Q15),)
    return _by_table(op, ctx, node, x)


def _power(ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    """exp(y log x), x positive: log and exp by tables."""
    base = ctx.constants.get(node.inputs[0])
    if base is not None and not (base > 0).all():
        reason = "its base has entries that are not positive"
        raise UnsupportedOpError("integer", "binary(pow)", node.name, source=node.source, reason=reason)
    exponent, scale = ctx.operand(node, inputs, 1), ctx.scale_of(node.outputs[0])
    if base is None:
        logarithm = _logarithm(ctx, node, ctx.wide(inputs[0]))
    else:
        logarithm = ctx.int16_constant(np.log(base.astype(np.float64)), f"{node.name}_log")
    least = ctx.scales[exponent] * ctx.scales[logarithm] * 2.01
    unit = max(unit_of(max(abs(math.log(scale * INTEGER_MAX["int16"])), VANISHING)), least)
    multiplier = int(high_word(np.asarray(ctx.scales[exponent] * ctx.scales[logarithm] / unit)))
    product = ctx.builder.add1(MulInt16(multiplier), [logarithm, exponent], f"{node.name}_log")
    table = fit_table(lambda v: np.exp(np.minimum(v * unit, 700.0)) / scale)
    y = ctx.builder.add1(TableInt16(), [product, ctx.constant(table, f"{node.name}_table")], node.name)
    return (ctx.put(y, scale),)


def _logarithm(ctx: Context, node: Node, x: str) -> str:
    """Of an int16 value; of what is not positive, that of half a unit."""
    half = ctx.scales[x] / 2
    scale = unit_of(max(abs(math.log(half)), abs(math.log(half * 65536))))
    return by_tables(ctx, x, lambda v: np.log(np.maximum(v, half)), scale, f"{node.name}_log")


def _by_table(op: Unary, ctx: Context, node: Node, x: str) -> Names:
    scale = ctx.scale_of(node.outputs[0])
    function = UNARY_FUNCTIONS[op.function][1]
    return (by_tables(ctx, x, lambda v: function(v, *op.parameters), scale, node.name),)


@lower.register
def _(op: LayerNorm, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x, scale = ctx.wide(inputs[0]), ctx.scale_of(node.outputs[0])
    gamma, beta = ctx.weight(node, 1), ctx.weight(node, 2)
    epsilon = min(round(gamma.size**2 * op.eps / ctx.scales[x] ** 2), (1 << 62) - 1)
    operands = [
        x, ctx.constant(rounded_int32(gamma * 2**8 / scale), f"{node.name}_gain"),
        ctx.constant(rounded_int32(beta / scale), f"{node.name}_bias"),
    ]  # fmt: skip
    return (ctx.put(ctx.builder.add1(LayerNormInt16(epsilon), operands, node.name), scale),)


def _along_last(ctx: Context, node: Node, axis: int, op: Op, x: str) -> str:
    """``op``, which works along the last axis, on another one."""
    rank = len(ctx.builder.graph.values[x].shape)
    if axis == -1:
        return ctx.builder.add1(op, [x], node.name)
    axes = list(range(-rank, 0))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    turned = ctx.builder.add1(op, [ctx.builder.add1(Transpose(tuple(axes)), [x], f"{node.name}_turned")], node.name)
    return ctx.builder.add1(Transpose(tuple(axes)), [turned], node.name)


def _exponent(ctx: Context, x: str) -> tuple[int, int]:
    """Multiplier and shift to Q3.12; above the largest, one unit of x is a factor of more than e^3 anyway."""
    (multiplier,), shift = multiplier_and_shift([min(ctx.scales[x] / Q12, LARGEST_EXPONENT)], 1 << 15)
    return multiplier, shift


@lower.register
def _(op: Softmax, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = ctx.wide(inputs[0])
    integer = SoftmaxInt16(*_exponent(ctx, x))
    return (ctx.put(_along_last(ctx, node, op.axis, integer, x), Q15),)


@lower.register
def _(op: MaskedSoftmax, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = ctx.wide(inputs[0])
    integer = MaskedSoftmaxInt16(*_exponent(ctx, x))
    return (ctx.put(ctx.builder.add1(integer, [x, inputs[1]], node.name), Q15),)


@lower.register
def _(op: LogSoftmax, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = ctx.wide(inputs[0])
    scale = max(ctx.scale_of(node.outputs[0]), max(ctx.scales[x], Q15) * FINEST_LOGARITHM)
    gain, log_gain = (round(s / scale * 65536) for s in (ctx.scales[x], Q15))
    integer = LogSoftmaxInt16(*_exponent(ctx, x), gain, log_gain)
    return (ctx.put(_along_last(ctx, node, op.axis, integer, x), scale),)


@lower.register
def _(op: Reduce, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = ctx.wide(inputs[0])
    if op.function in ("max", "min"):
        integer = ReduceInt16(op.function, op.axes, op.keepdims, 0)
        return (ctx.put(ctx.builder.add1(integer, [x], node.name), ctx.scales[x]),)
    shape = ctx.builder.graph.values[x].shape
    unit = ctx.scales[x] / (np.prod([shape[a] for a in op.axes]) if op.function == "mean" else 1.0)
    scale = max(ctx.scale_of(node.outputs[0]), float(unit) * 2.01)
    integer = ReduceInt16("sum", op.axes, op.keepdims, int(high_word(np.asarray(unit / scale))))
    return (ctx.put(ctx.builder.add1(integer, [x], node.name), scale),)


@lower.register
def _(op: Matmul, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    a, b = (ctx.operand(node, inputs, k) for k in (0, 1))
    unit = ctx.scales[a] * ctx.scales[b] * 2**15
    scale = max(ctx.scale_of(node.outputs[0]), unit * 2.01)
    integer = MatmulInt16(int(high_word(np.asarray(unit / scale))))
    return (ctx.put(ctx.builder.add1(integer, [a, b], node.name), scale),)
