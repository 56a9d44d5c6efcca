"""Scores as integers, powers of two, and random words: the definitions, equal to ``runtime/csrc/ern_decode_math.h``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from edgernn.ir.op import Array
from edgernn.ir.scores import FLOAT_SCALE, FRACTION_BITS, score_unit

POWER = (1488522039, -515878639, 119168801, -20577648, 2743352, -236086)
"""p of 2^-f = 1 - f p(f) in Q0.31, lowest power first (tools/minimax.py)."""

LOG2 = (1549076463, -774345892, 513982709, -372911706, 259700330, -147662425, 55897926, -9995634)
"""q of log2(1 + f) = f q(f) in Q1.30, lowest power first (tools/minimax.py)."""

LOG_BITS = 20
LOG_ONE = 1 << LOG_BITS
LOG_ZERO = -(1 << 30)
LOG_LEAST = -512 * LOG_ONE
ONE_Q16 = 1 << 16
FRACTION = (1 << FRACTION_BITS) - 1
HIGHEST_FLOAT = np.float32(32767)
LARGEST_SHIFT = 62
PHILOX_ROUNDS = 10
WORD = (1 << 32) - 1
HALF_WORD = (1 << 31) - 1


def integer_scores(scores: Any, scale: float | None) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Scores [n] as integers, and what a unit stands for, times log2(e): (multiplier, shift) in Q.24.

    scores  int16 or int8 in units of ``scale``; others are float32, rounded to 2^-16 (halves away from zero) and
            clipped to +-32767

    Raises UsageError for what is no row of scores, and for integers without a scale.
    """
    array = np.asarray(scores)
    if array.ndim != 1 or not len(array):
        raise UsageError(f"scores are one row, [n], found shape {array.shape}")
    if array.dtype in (np.int16, np.int8):
        if scale is None:
            raise UsageError(f"scores in {array.dtype} need the scale of the port that they come from")
        return array.astype(np.int64), score_unit(scale)
    if array.dtype.kind != "f":
        raise UsageError(f"scores are float32, int16 or int8, found {array.dtype}")
    single = array.astype(np.float32)
    clipped = np.where(single > -HIGHEST_FLOAT, np.minimum(single, HIGHEST_FLOAT), -HIGHEST_FLOAT)
    scaled = clipped.astype(np.float64) / FLOAT_SCALE
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int64)
    return rounded, score_unit(FLOAT_SCALE)


def tempered(unit: tuple[int, int], temperature: int) -> tuple[int, int]:
    """The unit divided by a temperature > 0 in Q16.16."""
    multiplier, shift = (unit[0] << 32) // temperature, unit[1] + 16
    while multiplier > HALF_WORD:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < 0:
        return HALF_WORD, 0
    return (multiplier, shift) if shift <= LARGEST_SHIFT else (0, 0)


def exponents(distance: Array, unit: tuple[int, int]) -> NDArray[np.uint64]:
    """How much less likely scores are than one that lies ``distance`` above them: u of 2^-u, in Q.24."""
    multiplier, shift = unit
    half = np.uint64((1 << shift) >> 1)
    found: NDArray[np.uint64] = (distance.astype(np.uint64) * np.uint64(multiplier) + half) >> np.uint64(shift)
    return found


def powers(exponent: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """2^-u in Q0.31, u in Q.24: at most 2^31, and 0 from u = 32 on."""
    mantissa = _mantissa((exponent & np.uint64(FRACTION)).astype(np.int64)).astype(np.uint64)
    found: NDArray[np.uint64] = mantissa >> np.minimum(exponent >> np.uint64(FRACTION_BITS), np.uint64(32))
    return found


def power(exponent: int) -> int:
    """``powers`` of one exponent."""
    return int(_mantissa(exponent & FRACTION)) >> min(exponent >> FRACTION_BITS, 32)


def _mantissa(fraction: Any) -> Any:
    """2^-f in Q0.31 for f in Q0.24, an integer or an int64 array."""
    total = POWER[-1]
    for coefficient in POWER[-2::-1]:
        total = coefficient + ((total * fraction) >> FRACTION_BITS)
    return (1 << 31) - ((total * fraction) >> FRACTION_BITS)


def log2_above_one(f: int) -> int:
    """log2(1 + f) in Q.20 for 0 <= f <= 1 in Q0.31."""
    total = LOG2[-1]
    for coefficient in LOG2[-2::-1]:
        total = coefficient + ((total * f) >> 31)
    return (total * f + (1 << 40)) >> 41


def log2_q31(n: int) -> int:
    """log2(n / 2^31) in Q.20, n > 0."""
    whole = n.bit_length() - 32
    mantissa = n >> whole if whole > 0 else n << -whole
    return whole * LOG_ONE + log2_above_one(mantissa - (1 << 31))


def log_add(a: int, b: int) -> int:
    """log2(2^a + 2^b) in Q.20."""
    more, less = max(a, b), min(a, b)
    return more if less <= LOG_ZERO else more + log2_above_one(power((more - less) << FRACTION_BITS - LOG_BITS))


def log_times(a: int, b: int) -> int:
    """a + b in Q.20, where logarithms of almost nothing are of nothing."""
    return LOG_ZERO if a <= LOG_ZERO or a + b <= LOG_ZERO else a + b


def log_row(scores: Any, scale: float | None = None) -> NDArray[np.int64]:
    """log2 of the probabilities (softmax) of scores [n] in Q.20, at least -512. Raises as ``integer_scores``."""
    integers, unit = integer_scores(scores, scale)
    exponent = exponents(integers.max() - integers, tempered(unit, ONE_Q16))
    shift, step = log2_q31(int(powers(exponent).sum())), FRACTION_BITS - LOG_BITS
    least = np.minimum(exponent, np.uint64(-LOG_LEAST << step)).astype(np.int64)
    row: NDArray[np.int64] = np.maximum(-((least + (1 << step >> 1)) >> step) - shift, LOG_LEAST)
    return row


def philox(seed: int, a: int, b: int = 0, c: int = 0, d: int = 0) -> int:
    """First word of Philox 4x32-10 for the 64-bit key ``seed`` and the counter (a, b, c, d), words of 32 bits.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
    """
    low, high = seed & WORD, seed >> 32
    for _ in range(PHILOX_ROUNDS):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ low, second & WORD, (first >> 32) ^ d ^ high, first & WORD
        low, high = (low + 0x9E3779B9) & WORD, (high + 0xBB67AE85) & WORD
    return a
