"""Integer operators of TensorFlow Lite, as the lowerings of integer ops use them.

Tensors are symmetric: int16 activations and states, int8 weights with a scale for each row, int64 biases. int8
activations are widened to int16 first, because FULLY_CONNECTED of int8 gives int8, which is too coarse for gates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.lower import NO_ACTIVATION, NO_TENSOR, Lowering
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import Quantization
from edgernn.ir.op import Array

Q12, Q15 = 2.0**-12, 2.0**-15
HIGH_WORD = 2.0**32
SAME, ROUNDING = 2.0**-12, 0.6
"""Scales that differ by less, relative to their size, or relative to one unit of a multiplier, are equal but for the
rounding of multipliers."""
NO_WEIGHT_UNIT = 2.0**-16
"""Of the result, what one unit of the sum stands for in rows whose multiplier is zero."""


def scale_of(to: Lowering, x: int) -> float:
    """Real value of one unit of a tensor."""
    quantization = to.writer.quantization(x)
    if quantization is None:
        raise to.unsupported(f"tensor {to.writer.tensors[x].name!r} has no scale")
    return quantization.scales[0]


def binary(
    to: Lowering, code: str, a: int, b: int, scale: float, activation: int = NO_ACTIVATION
) -> int:
    """ADD, SUB or MUL of int16 tensors, in units of ``scale``."""
    shape = np.broadcast_shapes(to.writer.shape(a), to.writer.shape(b))
    options = getattr(schema, f"{code.title()}OptionsT")()
    if code != "MUL":
        options.potScaleInt16 = False
    options.fusedActivationFunction = activation
    return to.emit(code, [a, b], shape, options, scale=scale)


def gate(to: Lowering, code: str, x: int) -> int:
    """LOGISTIC or TANH of an int16 tensor, in Q0.15."""
    return to.emit(code, [x], to.writer.shape(x), scale=Q15)


def rescaled(to: Lowering, x: int, scale: float, dtype: str = "int16") -> int:
    """``x`` in units of ``scale`` and in ``dtype``, rounded and saturated."""
    same = math.isclose(scale_of(to, x), scale, rel_tol=1e-6)
    if same and to.writer.dtype(x) == dtype:
        return x
    if dtype == "int16":
        x = widened(to, x)
        if same:
            return x
    return to.emit("QUANTIZE", [x], to.writer.shape(x), schema.QuantizeOptionsT(), dtype=dtype, scale=scale)


def in_units(to: Lowering, x: int, scale: float, multiplier: float = math.inf) -> int:
    """The integers of ``x`` as a tensor in units of ``scale``; ``x`` itself where these are its units.

    A value may be read in several scales: y and 4 y are the same integers. Then the product with a number changes the
    scale and no integer. Ratios come from ``multiplier``, which is rounded.
    """
    if math.isclose(scale_of(to, x), scale, rel_tol=max(SAME, ROUNDING / max(multiplier, 1.0))):
        return x
    x = widened(to, x)
    return binary(to, "MUL", x, number(to, 1, scale / scale_of(to, x), len(to.writer.shape(x))), scale)


def widened(to: Lowering, x: int) -> int:
    """``x`` as int16, in the same units. (QUANTIZE from int8 to int16 is not in tflite-runtime 2.14.)"""
    if to.writer.dtype(x) == "int16":
        return x
    options = schema.CastOptionsT(
        inDataType=schema.TensorType.INT8, outDataType=schema.TensorType.INT16
    )
    return to.emit("CAST", [x], to.writer.shape(x), options, dtype="int16", scale=scale_of(to, x))


def real(to: Lowering, x: int) -> int:
    """The real values of an integer tensor, in float32."""
    return to.emit("DEQUANTIZE", [x], to.writer.shape(x), schema.DequantizeOptionsT(), dtype="float32")


def cast(to: Lowering, x: int, dtype: str) -> int:
    """The numbers that are stored in ``x``, in another dtype without a scale."""
    types = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32,
             "int16": schema.TensorType.INT16, "int8": schema.TensorType.INT8}  # fmt: skip
    options = schema.CastOptionsT(inDataType=types[to.writer.dtype(x)], outDataType=types[dtype])
    return to.emit("CAST", [x], to.writer.shape(x), options, dtype=dtype)


def fixed(to: Lowering, x: int, scale: float, dtype: str = "int16") -> int:
    """A float32 tensor in units of ``scale``, rounded and saturated."""
    shape, options = to.writer.shape(x), schema.QuantizeOptionsT()
    result = to.result(x, shape, dtype, scale)
    to.writer.operator("QUANTIZE", [x], [result], options, version=to.version("QUANTIZE", [result]))
    return result


def number(to: Lowering, value: int, scale: float, rank: int) -> int:
    """A constant int16 of one element."""
    array = np.full((1,) * rank, value, np.int16)
    return to.writer.constant(array, f"{to.node.name}/constant", Quantization((scale,), (0,)))


def units(multiplier: Array, scale: float, pre_shift: int = 0) -> Array:
    """Real value of one unit of the sums of each row, of what ``requantize`` brings to units of ``scale``."""
    factor = multiplier.astype(np.float64) * 2.0**pre_shift / HIGH_WORD
    return np.where(multiplier == 0, NO_WEIGHT_UNIT, factor) * scale


def fully_connected(
    to: Lowering, x: int, w: Array, unit: Array, bias: Array | None, scale: float, activation: int = NO_ACTIVATION
) -> int:
    """x (..., I) int16 times w (O, I) int8, in units of ``scale``.

    unit  (O,) real value of one unit of the integer sum of each row
    bias  (O,) real values

    The product is one of two axes: with more, tflite-runtime 2.14 gives wrong results for int16.
    """
    input_scale, lead = scale_of(to, x), to.writer.shape(x)[:-1]
    x = to.reshape(x, (math.prod(lead), w.shape[1]))
    weights = to.writer.constant(w, f"{to.node.name}/weights", _rows(unit / input_scale))
    inputs = [x, weights, NO_TENSOR]
    if bias is not None:
        integers = np.round(bias / unit).astype(np.int64)
        inputs[2] = to.writer.constant(integers, f"{to.node.name}/bias", _rows(unit))
    options = schema.FullyConnectedOptionsT(fusedActivationFunction=activation)
    shape = (math.prod(lead), len(w))
    return to.reshape(to.emit("FULLY_CONNECTED", inputs, shape, options, scale=scale), (*lead, len(w)))


def _rows(scales: Sequence[float] | Array) -> Quantization:
    return Quantization(tuple(float(s) for s in scales), (0,) * len(scales))
