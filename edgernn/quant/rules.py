"""Rules for all ops but the recurrent ones: float node -> integer nodes."""

from __future__ import annotations

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
    Matmul,
    Reduce,
    Reshape,
    Rnn,
    Slice,
    Softmax,
    Transpose,
    Unary,
)  # fmt: skip
from edgernn.ops.integer.dense import EmbeddingInt16, LinearInt16
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, AddInt16, ClipInt16, MulInt16, TableInt16
from edgernn.ops.integer.fit import fit_table
from edgernn.ops.integer.frame import LayerNormInt16, LogSoftmaxInt16, MatmulInt16, ReduceInt16, SoftmaxInt16
from edgernn.ops.integer.tables import SIGMOID, TANH
from edgernn.ops.unary import UNARY_FUNCTIONS
from edgernn.quant.context import Q12, Q15, Context
from edgernn.quant.fixed_point import high_word, multiplier_and_shift, rounded_int32
from edgernn.quant.recurrent import lower_gru, lower_lstm, lower_rnn
from edgernn.quant.weights import fits_int32, rounded, row_scales

Names = tuple[str, ...]


@singledispatch
def lower(op: Op, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    """Add integer nodes for ``node`` and return the names of its results; their scales are in ``ctx.scales``."""
    raise UnsupportedOpError("integer", op.kind, node.name, source=node.source, reason="it has no integer form")


lower.register(Lstm)(lower_lstm)
lower.register(Gru)(lower_gru)
lower.register(Rnn)(lower_rnn)


@lower.register
def _(op: Linear, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x, scale = inputs[0], ctx.scale_of(node.outputs[0])
    weight, bias = ctx.weight(node, 1), ctx.weight(node, 2)
    while True:
        unit = row_scales(weight * ctx.scales[x], ctx.levels)
        w = rounded(weight * ctx.scales[x], unit, ctx.levels)
        if fits_int32(w):
            break
        x = ctx.rescaled(x, ctx.scales[x] * 2)
        w = np.clip(w, -ctx.levels, ctx.levels)
        unit = unit * 2
        if not fits_int32(w.astype(np.int64) // 2):
            raise UnsupportedOpError("integer", op.kind, node.name, source=node.source, reason="its rows are too long")
    scale = max(scale, float(unit.max()) * 2.01)
    operands = [
        x, ctx.constant(w, f"{node.name}_w"), ctx.constant(high_word(unit / scale), f"{node.name}_multiplier"),
        ctx.constant(rounded_int32(bias / scale), f"{node.name}_bias"),
    ]  # fmt: skip
    return (ctx.put(ctx.builder.add1(LinearInt16(), operands, node.name), scale),)


@lower.register
def _(op: Embedding, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    table = ctx.weight(node, 1)
    scale = max(float(np.abs(table).max()), 1e-6) / 32767
    unit = row_scales(table, ctx.levels)
    multiplier = np.round(unit / scale * 65536).astype(np.int32)
    operands = [inputs[0], ctx.constant(rounded(table, unit, ctx.levels), f"{node.name}_table"),
                ctx.constant(multiplier, f"{node.name}_multiplier")]  # fmt: skip
    return (ctx.put(ctx.builder.add1(EmbeddingInt16(), operands, node.name), scale),)


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
def _(op: Concat, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    operands = [ctx.operand(node, inputs, k) for k in range(len(inputs))]
    scale = max(ctx.scales[n] for n in operands)
    return (ctx.put(ctx.builder.add1(op, [ctx.rescaled(n, scale) for n in operands], node.name), scale),)


@lower.register
def _(op: Binary, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    if op.function == "div" and node.inputs[1] in ctx.constants:
        return _times_constant(ctx, node, inputs, 1.0 / ctx.weight(node, 1))
    a, b = (ctx.operand(node, inputs, k) for k in (0, 1))
    if op.function == "mul":
        return _multiply(ctx, node, a, b)
    if op.function not in ("add", "sub", "maximum", "minimum"):
        raise UnsupportedOpError(
            "integer", f"binary({op.function})", node.name, source=node.source, reason="it has no integer form"
        )
    sign = -1.0 if op.function == "sub" else 1.0
    scale = max(ctx.scale_of(node.outputs[0]), ctx.scales[a] * 1e-4, ctx.scales[b] * 1e-4)
    (m_a, m_b), shift = multiplier_and_shift([ctx.scales[a] / scale, sign * ctx.scales[b] / scale], MULTIPLIER_MAX + 1)
    function = "add" if op.function == "sub" else op.function
    return (ctx.put(ctx.builder.add1(AddInt16(function, m_a, m_b, shift), [a, b], node.name), scale),)


def _multiply(ctx: Context, node: Node, a: str, b: str) -> Names:
    product = ctx.scales[a] * ctx.scales[b]
    scale = max(ctx.scale_of(node.outputs[0]), product * 2.01)
    multiplier = int(high_word(np.asarray(product / scale)))
    return (ctx.put(ctx.builder.add1(MulInt16(multiplier), [a, b], node.name), scale),)


def _times_constant(ctx: Context, node: Node, inputs: Sequence[str], factor: Array) -> Names:
    return _multiply(ctx, node, inputs[0], ctx.int16_constant(factor, f"{node.name}_reciprocal"))


CLIPS: dict[str, Callable[..., tuple[float, float]]] = {
    "relu": lambda: (0.0, np.inf),
    "clip": lambda low, high: (low, high),
}


@lower.register
def _(op: Unary, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = inputs[0]
    if op.function in CLIPS:
        low, high = (b / ctx.scales[x] for b in CLIPS[op.function](*op.parameters))
        bounds = [int(np.clip(np.round(b), -32768, 32767)) for b in (low, high)]
        return (ctx.put(ctx.builder.add1(ClipInt16(*bounds), [x], node.name), ctx.scales[x]),)
    if op.function == "square":
        return _multiply(ctx, node, x, x)
    if op.function in ("sigmoid", "tanh"):
        table = ctx.constant(SIGMOID if op.function == "sigmoid" else TANH, op.function)
        y = ctx.builder.add1(TableInt16(), [ctx.rescaled(x, Q12), table], node.name)
        return (ctx.put(y, Q15),)
    return _by_table(op, ctx, node, x)


def _by_table(op: Unary, ctx: Context, node: Node, x: str) -> Names:
    scale_x, scale = ctx.scales[x], ctx.scale_of(node.outputs[0])
    function = UNARY_FUNCTIONS[op.function][1]
    table = fit_table(lambda v: function(v * scale_x, *op.parameters) / scale)
    y = ctx.builder.add1(TableInt16(), [x, ctx.constant(table, f"{node.name}_table")], node.name)
    return (ctx.put(y, scale),)


@lower.register
def _(op: LayerNorm, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x, scale = inputs[0], ctx.scale_of(node.outputs[0])
    gamma, beta = ctx.weight(node, 1), ctx.weight(node, 2)
    epsilon = min(round(gamma.size**2 * op.eps / ctx.scales[x] ** 2), (1 << 62) - 1)
    operands = [
        x, ctx.constant(rounded_int32(gamma * 2**8 / scale), f"{node.name}_gain"),
        ctx.constant(rounded_int32(beta / scale), f"{node.name}_bias"),
    ]  # fmt: skip
    return (ctx.put(ctx.builder.add1(LayerNormInt16(epsilon), operands, node.name), scale),)


def _last_axis(op: Softmax | LogSoftmax, node: Node) -> None:
    if op.axis != -1:
        raise UnsupportedOpError("integer", op.kind, node.name, source=node.source, reason="only along the last axis")


def _exponent(ctx: Context, x: str) -> tuple[int, int]:
    (multiplier,), shift = multiplier_and_shift([ctx.scales[x] / Q12], 1 << 15)
    return multiplier, shift


@lower.register
def _(op: Softmax, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    _last_axis(op, node)
    integer = SoftmaxInt16(*_exponent(ctx, inputs[0]))
    return (ctx.put(ctx.builder.add1(integer, inputs, node.name), Q15),)


@lower.register
def _(op: LogSoftmax, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    _last_axis(op, node)
    x, scale = inputs[0], ctx.scale_of(node.outputs[0])
    gain, log_gain = (round(s / scale * 65536) for s in (ctx.scales[x], Q15))
    integer = LogSoftmaxInt16(*_exponent(ctx, x), gain, log_gain)
    return (ctx.put(ctx.builder.add1(integer, inputs, node.name), scale),)


@lower.register
def _(op: Reduce, ctx: Context, node: Node, inputs: Sequence[str]) -> Names:
    x = inputs[0]
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
