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
    fraction = (exponent & np.uint64((1 << FRACTION_BITS) - 1)).astype(np.int64)
    total = np.full(exponent.shape, POWER[-1], np.int64)
    for coefficient in POWER[-2::-1]:
        total = coefficient + ((total * fraction) >> FRACTION_BITS)
    mantissa = ((1 << 31) - ((total * fraction) >> FRACTION_BITS)).astype(np.uint64)
    found: NDArray[np.uint64] = mantissa >> np.minimum(exponent >> np.uint64(FRACTION_BITS), np.uint64(32))
    return found


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
