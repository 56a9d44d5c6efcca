"""The arithmetic of integer models: saturation, requantization, table look-up.

docs/integer-arithmetic.md is the specification; every engine equals these functions bit for bit.
NumPy computes in int64 here, so that nothing wraps; exporters prove that 32 bits suffice.
"""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array
from edgernn.ops.integer.saturation import saturate

INT16_MIN, INT16_MAX = -32768, 32767
INTEGER_DTYPES = ("int8", "int16")
ONE_Q15 = 1 << 15
GATE_FRACTION = 12
"""Fraction bits of gate pre-activations: Q3.12, the argument of the tables."""


def sat16(x: Array, parts: str = "") -> Array:
    """``x`` clipped to the range of int16, as int64; ``parts`` as in ``saturate``."""
    return saturate(x, INT16_MIN, INT16_MAX, parts)


def saturated(x: Array, dtype: str, parts: str = "") -> Array:
    """``x`` clipped to the range of int8 or int16, as int64; ``parts`` as in ``saturate``."""
    limits = np.iinfo(dtype)
    return saturate(x, int(limits.min), int(limits.max), parts)


def requantize(acc: Array, multiplier: Array, bias: Array, pre_shift: int = 0) -> Array:
    """bias + round(acc * 2^pre_shift * multiplier / 2^32), halves rounded up; not saturated."""
    product = (acc.astype(np.int64) << pre_shift) * multiplier.astype(np.int64)
    return bias.astype(np.int64) + ((product + (1 << 31)) >> 32)


def look_up(table: Array, v: Array) -> Array:
    """Piecewise linear function of an int16 ``v``: ``table`` is [256, 2], (value, slope) of 256 intervals of 256."""
    index = (np.asarray(v, np.int64) >> 8) + 128
    line: Array = table[index, 0].astype(np.int64) + ((table[index, 1].astype(np.int64) * (v & 255)) >> 8)
    return line


def round_shift(x: Array, shift: int) -> Array:
    """x / 2^shift, halves rounded up, for ``shift`` >= 1; x for 0."""
    return (x + (1 << (shift - 1))) >> shift if shift else x


def matvec(w: Array, x: Array) -> Array:
    """Exact w @ x of integers, for x [..., K]: [..., rows]. Products of int8 and int16 fit float64 exactly."""
    return np.asarray(x.astype(np.float64) @ w.astype(np.float64).T).astype(np.int64)
