"""What the lowerings of integer ops share: units of sums, and factors between scales.

An integer model in ONNX has integers where it can be seen from outside: ports and states are int16 or int8, weights
int8 with a scale for each row. Between these, values are the real numbers that the integers stand for, in float32. Of
the forms that ``benchmarks/onnx_integer_forms.py`` measures, this is the fastest in ONNX Runtime up to 128 units of 64
inputs, and none is more accurate. Beyond, products of 8 bits are faster and lose 5 dB: layers of the scheme int8 have
that form (``edgernn.export.onnx.integer_products``).
"""

from __future__ import annotations

import math

import numpy as np

from edgernn.export.onnx.matrix import Matrix
from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.op import Array

RESULT = -1
"""As an operand for ``ModelBuilder.scale``: the first result."""

Q12, Q15 = 2.0**-12, 2.0**-15
HIGH_WORD = 2.0**32
SAME = 2.0**-12
"""Factors between scales that differ from 1 by less come from the rounding of multipliers of 14 bits."""


def units(multiplier: Array, scale: float, pre_shift: int = 0) -> Array:
    """Real value of one unit of the sum of each row, which ``requantize`` brings to units of ``scale``."""
    return multiplier.astype(np.float64) * (2.0**pre_shift / HIGH_WORD * scale)


def weights(w: Array, unit: Array, x_scale: float) -> Matrix:
    """``w`` (R, C) int8 for real x in units of ``x_scale``, ``unit`` (R) being the real value of a unit of the sums."""
    return Matrix(w, unit / x_scale)


def real(values: Array, scale: float) -> Array:
    """Integers in units of ``scale`` as float32."""
    return np.asarray(values * scale, np.float32)


def scaled(b: ModelBuilder, x: str, factor: float) -> str:
    """``x`` times ``factor``; ``x`` itself for 1."""
    if math.isclose(factor, 1.0, rel_tol=SAME):
        return x
    return b.op1("Neg", [x]) if math.isclose(factor, -1.0, rel_tol=SAME) else b.op1("Mul", [x, b.scalar(factor)])


def moved(b: ModelBuilder, k: int) -> str:
    """Operand ``k`` of the node being lowered, whose operation moves elements; integers in units of the result.

    A value may be read in several scales: y and 4 y are the same integers, and different real values.
    """
    x = b.frame(b.lowered().inputs[k])
    return scaled(b, x, b.scale(RESULT) / b.scale(k)) if b.lowered().outputs[0] in b.scales else x
