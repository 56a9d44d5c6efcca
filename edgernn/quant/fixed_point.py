"""Real factors as integers."""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array

HIGH_WORD = 1 << 32
MAX_MULTIPLIER = (1 << 31) - 1


def multiplier_and_shift(factors: list[float], limit: int) -> tuple[list[int], int]:
    """Integers m and a common shift in 1..30 with factor = m / 2^shift, the largest |m| below ``limit``.

    Raises ValueError where even shift 1 makes a multiplier too large.
    """
    largest = max(abs(f) for f in factors)
    for shift in range(30, 0, -1):
        if round(largest * 2**shift) < limit:
            return [round(f * 2**shift) for f in factors], shift
    raise ValueError(f"factor {largest:.3g} is too large for a multiplier below {limit}")


def high_word(ratio: Array) -> Array:
    """Multipliers m with (acc * m) >> 32 = acc * ratio, as int32. Raises ValueError for a ratio of 1/2 and more."""
    m = np.round(np.asarray(ratio, np.float64) * HIGH_WORD)
    if m.size and float(m.max()) > MAX_MULTIPLIER:
        raise ValueError(f"ratio {float(np.max(ratio)):.3g} must be below 0.5: the range of the result is too narrow")
    return m.astype(np.int32)


def rounded_int32(values: Array) -> Array:
    """``values`` rounded, clipped to 30 bits so that adding a 31-bit product cannot wrap, as int32."""
    return np.clip(np.round(values), -(1 << 30), (1 << 30) - 1).astype(np.int32)
