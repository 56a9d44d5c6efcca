"""Ops on one frame: products, look-up, normalisation, reductions, moving elements."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.export.tflite.integer import cast, in_units, scale_of
from edgernn.export.tflite.lower import Lowering, lower
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import Quantization
from edgernn.ir.op import Array
from edgernn.ops import (
    Concat,
    Embedding,
    Expand,
    LayerNorm,
    Linear,
    LogSoftmax,
    MaskedSoftmax,
    Matmul,
    Reduce,
    Reshape,
    Select,
    Slice,
    Softmax,
    Transpose,
)

REDUCTIONS = {"sum": "SUM", "mean": "MEAN", "max": "REDUCE_MAX", "min": "REDUCE_MIN"}
BROADCAST_TO_VERSION = 2
HIDDEN = 1e30
"""What is subtracted from scores whose exponential is to be 0 beside others."""


@lower.register
def _linear(op: Linear, to: Lowering) -> Sequence[int]:
    return [to.fully_connected(to.operand(0), to.matrix(1), to.weight(2))]


@lower.register
def _matmul(op: Matmul, to: Lowering) -> Sequence[int]:
    if to.node.inputs[1] in to.graph.constants:
        return [to.fully_connected(to.operand(0), to.weight(1).T)]
    a, b = to.operands()
    rank = len(to.writer.shape(b))
    if to.node.inputs[0] in to.graph.constants:
        array = to.weight(0)
        a = to.constant(array.reshape((1,) * (rank - 2) + array.shape))
    return [to.emit("BATCH_MATMUL", [a, b], to.result_shape(), schema.BatchMatMulOptionsT())]


@lower.register
def _embedding(op: Embedding, to: Lowering) -> Sequence[int]:
    indices = to.operand(0)
    matrix = to.matrices.get(to.node.inputs[1])
    if matrix is not None:
        return [rows_of_int8(to, indices, matrix.w, matrix.scale)]
    table = to.table(1)
    return [to.emit("GATHER", [table, indices], to.result_shape(), schema.GatherOptionsT(axis=0))]


def rows_of_int8(to: Lowering, indices: int, table: Array, unit: Array) -> int:
    """Rows of ``table`` (V, E) int8 in float32, times ``unit`` (V)."""
    integers = to.writer.constant(table, f"{to.node.name}/table", Quantization((1.0,), (0,)))
    shape, options = to.result_shape(), schema.GatherOptionsT(axis=0)
    rows = to.emit("GATHER", [integers, indices], shape, options)
    units = to.emit("GATHER", [to.constant(unit[:, None]), indices], (*shape[:-1], 1), options)
    real = to.emit("DEQUANTIZE", [rows], shape, schema.DequantizeOptionsT(), dtype="float32")
    return to.binary("MUL", real, units)


@lower.register
def _layer_norm(op: LayerNorm, to: Lowering) -> Sequence[int]:
    x, (gamma, beta) = to.operand(0), (_row(to, k) for k in (1, 2))
    centred = to.binary("SUB", x, to.reduce("MEAN", x, (-1,), keepdims=True))
    variance = to.reduce("MEAN", to.binary("MUL", centred, centred), (-1,), keepdims=True)
    scale = to.unary("RSQRT", to.binary("ADD", variance, float(op.eps)))
    return [to.binary("ADD", to.binary("MUL", to.binary("MUL", centred, scale), gamma), beta)]


def _row(to: Lowering, k: int) -> int:
    """The constant operand ``k``, of one axis, with leading axes of 1 up to the rank of the result."""
    return to.constant(to.weight(k).reshape((1,) * (len(to.result_shape()) - 1) + (-1,)))


@lower.register
def _softmax(op: Softmax, to: Lowering) -> Sequence[int]:
    return [_along_last_axis(to, "SOFTMAX", schema.SoftmaxOptionsT(beta=1.0), op.axis)]


@lower.register
def _masked_softmax(op: MaskedSoftmax, to: Lowering) -> Sequence[int]:
    return [masked_softmax(to, to.operand(0), to.operand(1))]


def masked_softmax(to: Lowering, x: int, mask: int) -> int:
    """Softmax of float32 along the last axis where ``mask`` is 1."""
    shape = (*(1,) * (len(to.writer.shape(x)) - 1), to.writer.shape(mask)[-1])
    seen = to.reshape(cast(to, mask, "float32"), shape)
    hidden = to.binary("MUL", to.binary("SUB", seen, to.scalar_like(seen, 1.0)), HIDDEN)
    return to.unary("SOFTMAX", to.binary("ADD", x, hidden), schema.SoftmaxOptionsT(beta=1.0))


@lower.register
def _log_softmax(op: LogSoftmax, to: Lowering) -> Sequence[int]:
    return [_along_last_axis(to, "LOG_SOFTMAX", schema.LogSoftmaxOptionsT(), op.axis)]


def _along_last_axis(to: Lowering, code: str, options: object, axis: int) -> int:
    x = to.operand(0)
    axes = list(range(len(to.writer.shape(x))))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    return to.transpose(to.unary(code, to.transpose(x, axes), options), axes)


@lower.register
def _reduce(op: Reduce, to: Lowering) -> Sequence[int]:
    return [to.reduce(REDUCTIONS[op.function], to.operand(0), op.axes, op.keepdims)]


@lower.register
def _reshape(op: Reshape, to: Lowering) -> Sequence[int]:
    return [to.reshape(to.operand(0), to.result_shape())]


@lower.register
def _transpose(op: Transpose, to: Lowering) -> Sequence[int]:
    rank = len(op.axes) + 1
    return [to.transpose(to.operand(0), [0, *(rank + a for a in op.axes)])]


@lower.register
def _expand(op: Expand, to: Lowering) -> Sequence[int]:
    x, shape = to.operand(0), to.result_shape()
    _, *frame = to.writer.shape(x)
    x = to.reshape(x, [1] * (len(shape) - len(frame)) + frame)
    if to.writer.shape(x) == shape:
        return [x]
    target = to.constant(shape, "int32")
    return [to.emit("BROADCAST_TO", [x, target], shape, schema.BroadcastToOptionsT(), BROADCAST_TO_VERSION)]


@lower.register
def _slice(op: Slice, to: Lowering) -> Sequence[int]:
    x, shape = to.operand(0), to.result_shape()
    old = to.writer.shape(x)
    if old == shape:
        return [x]
    begin, end, step = [0] * len(old), list(old), [1] * len(old)
    begin[op.axis], end[op.axis], step[op.axis] = op.start, op.stop, op.step
    if op.step == 1:
        operands = [to.constant(begin, "int32"), to.constant(shape, "int32")]
        return [to.emit("SLICE", [x, *operands], shape, schema.SliceOptionsT())]
    operands = [to.constant(value, "int32") for value in (begin, end, step)]
    return [to.emit("STRIDED_SLICE", [x, *operands], shape, schema.StridedSliceOptionsT())]


@lower.register
def _select(op: Select, to: Lowering) -> Sequence[int]:
    """The signal as a truth value of as many axes as the result."""
    signal, a, b = to.operands()
    if to.writer.quantization(b) is not None:
        a = of_one_scale(to, a, b)
    shape = to.result_shape()
    number = cast(to, to.reshape(signal, (1,) * len(shape)), "float32")
    condition = to.binary("GREATER", number, 0.5)
    scale = scale_of(to, b) if to.writer.quantization(b) is not None else None
    dtype, options = to.writer.dtype(b), schema.SelectV2OptionsT()
    return [to.emit("SELECT_V2", [condition, a, b], shape, options, dtype=dtype, scale=scale)]


@lower.register
def _concat(op: Concat, to: Lowering) -> Sequence[int]:
    parts = to.operands()
    if to.writer.quantization(parts[0]) is not None:
        parts = [of_one_scale(to, part, parts[0]) for part in parts]
    return [parts[0] if len(parts) == 1 else to.concat(parts, op.axis)]


def of_one_scale(to: Lowering, x: int, other: int) -> int:
    """The integers of ``x`` in exactly the units of ``other``: scales differ in the rounding of multipliers."""
    scale, dtype = scale_of(to, other), to.writer.dtype(x)
    x = in_units(to, x, scale)
    if scale_of(to, x) == scale and to.writer.dtype(x) == dtype:
        return x
    return to.emit("QUANTIZE", [x], to.writer.shape(x), schema.QuantizeOptionsT(), dtype=dtype, scale=scale)
