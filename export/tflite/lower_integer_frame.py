"""Integer ops over a whole frame.

SOFTMAX, MEAN and BATCH_MATMUL have int16 forms in all runtimes. Normalisation, the logarithms of softmax and of power,
and the largest or smallest of a frame have none: these are computed in float32 between two conversions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.integer import HIGH_WORD, Q12, Q15, binary, cast, fixed, in_units, number, real, scale_of
from edgernn.export.tflite.lower import Lowering, lower
from edgernn.export.tflite.lower_frame import masked_softmax
from edgernn.export.tflite.lower_integer import operand, result_scale
from edgernn.export.tflite.schema import schema
from edgernn.ops.banded_linear import dense
from edgernn.ops.integer.frame import (
    LayerNormInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    ReduceInt16,
    SoftmaxInt16,
)
from edgernn.ops.integer.power import LOG_SHIFT, LogPowerInt16

LOG_UNITS = 2.0
"""One unit of the logarithm, over the gain of its operation, in natural units: Q0.15, the gain is over 2^16."""


@lower.register
def _layer_norm(op: LayerNormInt16, to: Lowering) -> Sequence[int]:
    x, scale = cast(to, to.operand(0), "float32"), result_scale(to)
    count = to.writer.shape(x)[-1]
    rank = len(to.result_shape())
    gain, bias = (to.constant((to.weight(k) * s).reshape((1,) * (rank - 1) + (-1,)))
                  for k, s in ((1, scale / 2**8), (2, scale)))  # fmt: skip
    centred = to.binary("SUB", x, to.reduce("MEAN", x, (-1,), keepdims=True))
    variance = to.reduce("MEAN", to.binary("MUL", centred, centred), (-1,), keepdims=True)
    inverse = to.unary("RSQRT", to.binary("ADD", variance, max(op.epsilon, 1) / count**2))
    y = to.binary("ADD", to.binary("MUL", to.binary("MUL", centred, inverse), gain), bias)
    return [fixed(to, y, scale)]


@lower.register
def _softmax(op: SoftmaxInt16, to: Lowering) -> Sequence[int]:
    x = exponent(op, to)
    y = to.emit("SOFTMAX", [x], to.writer.shape(x), schema.SoftmaxOptionsT(beta=1.0), scale=Q15)
    return [in_units(to, y, result_scale(to))]


def exponent(op: SoftmaxInt16 | MaskedSoftmaxInt16 | LogSoftmaxInt16, to: Lowering) -> int:
    """The operand in units of what stands in the exponent."""
    return in_units(to, to.operand(0), max(op.multiplier, 1) / 2.0**op.shift * Q12, op.multiplier)


@lower.register
def _masked_softmax(op: MaskedSoftmaxInt16, to: Lowering) -> Sequence[int]:
    y = masked_softmax(to, real(to, exponent(op, to)), to.operand(1))
    return [in_units(to, fixed(to, y, Q15), result_scale(to))]


@lower.register
def _log_softmax(op: LogSoftmaxInt16, to: Lowering) -> Sequence[int]:
    y = to.unary("LOG_SOFTMAX", real(to, exponent(op, to)), schema.LogSoftmaxOptionsT())
    return [in_units(to, fixed(to, y, LOG_UNITS / max(op.log_gain, 1)), result_scale(to))]


@lower.register
def _log_power(op: LogPowerInt16, to: Lowering) -> Sequence[int]:
    scale = result_scale(to)
    squares = [to.binary("MUL", x, x) for x in (cast(to, to.operand(k), "float32") for k in (0, 1))]
    matrix = dense(to.weight(2), to.weight(3), to.weight(4), to.writer.shape(squares[0])[-1])
    power = to.fully_connected(to.binary("ADD", *squares), matrix.astype(np.float32))
    power = to.binary("MAXIMUM", to.binary("ADD", power, float(op.offset)), float(op.floor))
    logarithm = to.binary("MUL", to.unary("LOG", power), op.gain * scale * 2.0 ** (15 - LOG_SHIFT))
    return [fixed(to, to.binary("ADD", logarithm, op.bias * scale * 2.0**-LOG_SHIFT), scale)]


@lower.register
def _reduce(op: ReduceInt16, to: Lowering) -> Sequence[int]:
    x, scale = to.operand(0), result_scale(to)
    if op.function != "sum":
        code = "REDUCE_MAX" if op.function == "max" else "REDUCE_MIN"
        y = to.reduce(code, real(to, x), op.axes, op.keepdims)
        return [in_units(to, fixed(to, y, scale_of(to, x)), scale)]
    gain = max(op.multiplier, 1) / HIGH_WORD * scale / scale_of(to, x)
    return [_sum(to, x, op.axes, op.keepdims, gain, scale)]


def _sum(to: Lowering, x: int, axes: Sequence[int], keepdims: bool, gain: float, scale: float) -> int:
    """``gain`` times the sum: the mean, in units so small that its integers are those of the result, times a number."""
    old, shape = to.writer.shape(x), to.result_shape()
    dropped = sorted(len(old) + a for a in axes)
    factor = gain * math.prod(old[k] for k in dropped)
    options, operands = schema.ReducerOptionsT(keepDims=keepdims), [x, to.constant(dropped, "int32")]
    mean = to.emit("MEAN", operands, shape, options, scale=scale / factor)
    return binary(to, "MUL", mean, number(to, 1, factor, len(shape)), scale)


@lower.register
def _matmul(op: MatmulInt16, to: Lowering) -> Sequence[int]:
    a, b, scale = operand(to, 0), operand(to, 1), result_scale(to)
    product = max(op.multiplier, 1) / (HIGH_WORD / Q15) * scale
    operands = [in_units(to, a, product / scale_of(to, b), op.multiplier), b]
    return [to.emit("BATCH_MATMUL", operands, to.result_shape(), schema.BatchMatMulOptionsT(), scale=scale)]
