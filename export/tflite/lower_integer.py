"""Integer products and elementwise functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.integer import (
    HIGH_WORD,
    Q12,
    binary,
    cast,
    fixed,
    fully_connected,
    gate,
    in_units,
    number,
    rescaled,
    scale_of,
    units,
    widened,
)  # fmt: skip
from edgernn.export.tflite.lower import Lowering, lower
from edgernn.export.tflite.lower_frame import rows_of_int8
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import Quantization
from edgernn.ops.integer.dense import EmbeddingInt16, LinearInt16
from edgernn.ops.integer.elementwise import AddInt16, ClipInt16, MulInt16, RescaleInt16, TableInt16
from edgernn.passes.scales import gate_function, operand_key

GATES = {"sigmoid": "LOGISTIC", "tanh": "TANH"}


def operand(to: Lowering, k: int) -> int:
    """The int16 tensor of operand ``k``; a constant gets leading axes of 1 up to the rank of the result."""
    name = to.node.inputs[k]
    if name not in to.graph.constants:
        return widened(to, to.value(name))
    array, scale = to.graph.constants[name], to.scales[operand_key(to.graph, to.node, k)]
    array = array.reshape((1,) * (len(to.result_shape()) - array.ndim) + array.shape)
    return to.writer.constant(array, name, Quantization((scale,), (0,)))


def result_scale(to: Lowering) -> float:
    """Of the result of the node."""
    return to.scales[to.node.outputs[0]]


def result_dtype(to: Lowering) -> str:
    """Of the result of the node."""
    return to.graph.values[to.node.outputs[0]].dtype


@lower.register
def _linear(op: LinearInt16, to: Lowering) -> Sequence[int]:
    x, scale = widened(to, to.operand(0)), result_scale(to)
    w, multiplier, bias = (to.weight(k) for k in (1, 2, 3))
    y = fully_connected(to, x, w, units(multiplier, scale, op.pre_shift), bias * scale, scale)
    return [rescaled(to, y, scale, op.dtype)]


@lower.register
def _embedding(op: EmbeddingInt16, to: Lowering) -> Sequence[int]:
    """Rows of int8, and their scales in float32: no integer form of GATHER beyond int8 is in all runtimes."""
    scale = result_scale(to)
    rows = rows_of_int8(to, to.operand(0), to.weight(1), to.weight(2) * (scale / 65536))
    return [fixed(to, rows, scale, op.dtype)]


@lower.register
def _add(op: AddInt16, to: Lowering) -> Sequence[int]:
    """A negative multiplier makes a difference of the sum."""
    scale = result_scale(to)
    a, b = (scaled_operand(to, k, m, op.shift) for k, m in enumerate((op.multiplier_a, op.multiplier_b)))
    negative = (op.multiplier_a < 0, op.multiplier_b < 0)
    if op.function == "add" and negative != (True, True):
        if negative == (False, False):
            return [binary(to, "ADD", a, b, scale)]
        return [binary(to, "SUB", b, a, scale) if negative[0] else binary(to, "SUB", a, b, scale)]
    a, b = (signed(to, x, n, scale) for x, n in zip((a, b), negative, strict=True))
    return [binary(to, "ADD", a, b, scale) if op.function == "add" else to.binary(op.function.upper(), a, b)]


def scaled_operand(to: Lowering, k: int, multiplier: int, shift: int) -> int:
    """Operand ``k`` in such units that it adds integer * |multiplier| / 2^shift to the integers of the result."""
    magnitude = max(abs(multiplier), 1e-6)
    return in_units(to, operand(to, k), magnitude / 2.0**shift * result_scale(to), magnitude)


def signed(to: Lowering, x: int, negative: bool, scale: float) -> int:
    """``x``, or -``x``, as int16 in units of ``scale``."""
    if not negative:
        return rescaled(to, x, scale)
    return binary(to, "MUL", x, number(to, -1, 1.0, len(to.writer.shape(x))), scale)


@lower.register
def _mul(op: MulInt16, to: Lowering) -> Sequence[int]:
    a, b, scale = operand(to, 0), operand(to, 1), result_scale(to)
    product = max(op.multiplier, 1) / HIGH_WORD * scale
    return [binary(to, "MUL", in_units(to, a, product / scale_of(to, b), op.multiplier), b, scale)]


@lower.register
def _rescale(op: RescaleInt16, to: Lowering) -> Sequence[int]:
    scale, magnitude = result_scale(to), max(abs(op.multiplier), 1e-6)
    x = in_units(to, to.operand(0), magnitude / 2.0**op.shift * scale, magnitude)
    if op.multiplier >= 0:
        return [rescaled(to, x, scale, op.dtype)]
    return [rescaled(to, signed(to, widened(to, x), True, scale), scale, op.dtype)]


@lower.register
def _clip(op: ClipInt16, to: Lowering) -> Sequence[int]:
    x = in_units(to, operand(to, 0), result_scale(to))
    scale, rank = scale_of(to, x), len(to.writer.shape(x))
    if (op.low, op.high) == (0, 32767):
        return [to.emit("RELU", [x], to.writer.shape(x))]
    if op.high < 32767:
        x = to.binary("MINIMUM", x, number(to, op.high, scale, rank))
    return [to.binary("MAXIMUM", x, number(to, op.low, scale, rank)) if op.low > -32768 else x]


@lower.register
def _table(op: TableInt16, to: Lowering) -> Sequence[int]:
    """Gates have operators; other functions are 256 straight lines in float32, found by the integer's upper byte."""
    x, scale = to.operand(0), result_scale(to)
    function = gate_function(to.graph, to.node)
    if function:
        return [in_units(to, gate(to, GATES[function], in_units(to, x, Q12)), scale)]
    value, slope = to.weight(1).astype(np.float64).T
    offset = (value - slope * np.arange(-128, 128)) * scale
    v = cast(to, x, "float32")
    line = cast(to, to.unary("FLOOR", to.binary("MUL", v, 2.0**-8)), "int32")
    shape, options = to.writer.shape(x), schema.GatherOptionsT(axis=0)
    index = to.emit("ADD", [line, to.constant(np.full((1,) * len(shape), 128), "int32")], shape, schema.AddOptionsT())
    begin, rise = (
        to.emit("GATHER", [to.constant(t), index], shape, options) for t in (offset, slope * (scale / 256))
    )
    return [fixed(to, to.binary("ADD", begin, to.binary("MUL", rise, v)), scale)]
