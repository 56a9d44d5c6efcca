"""Samples as errors of a linear predictor, and back: integers only, the same as ``vocoder.c``.

An error is one of CODES numbers times the gain of its frame; steps grow with its size (mu-law). Predicted is from what
the decoder has, so the errors of rounding do not add up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from examples.audio_generation.analysis import HOP, INVERSE_BITS, LONGEST, LPC_BITS, ORDER, PEAK, Conditions

Function = TypeVar("Function", bound=Callable[..., Any])
compiled = cast("Callable[[Function], Function]", numba.njit)

CODES = 64
MU = 31.0
LARGEST = 12.0
LEVEL_BITS = 10
PAST = 8
"""Columns of what came before."""

LOG_OFFSET, LOG_STEP, LOG_ONE = 6, 256, 1024


def levels() -> NDArray[np.int32]:
    """The errors of the codes, in units of 2^-LEVEL_BITS gains."""
    place = (np.arange(CODES) * 2 + 1 - CODES) / CODES
    sizes = np.sign(place) * LARGEST / MU * ((1 + MU) ** np.abs(place) - 1)
    found: NDArray[np.int32] = np.rint(sizes * 2**LEVEL_BITS).astype(np.int32)
    return found


LEVELS = levels()
BETWEEN = (LEVELS[1:] + LEVELS[:-1]) / 2


@compiled
def predict(past: Any, t: int, lpc: Any) -> int:
    """Sample ``t`` as the predictor expects it."""
    total = 1 << (LPC_BITS - 1)
    for k in range(ORDER):
        total += lpc[k] * past[t - 1 - k]
    return min(max(total >> LPC_BITS, -PEAK), PEAK)


@compiled
def decode(predicted: int, level: int, gain: int) -> int:
    """The sample that a code stands for, whose level is given."""
    return min(max(predicted + ((level * gain + (1 << (LEVEL_BITS - 1))) >> LEVEL_BITS), -PEAK), PEAK)


@compiled
def _log(value: int, inverse: int) -> int:
    """Something like a logarithm of a sample over the gain, with its sign: LOG_STEP for each doubling."""
    scaled = (value * inverse) >> (INVERSE_BITS - LOG_OFFSET)
    size = min(abs(scaled), 32767) + (1 << LOG_OFFSET)
    octave = LOG_OFFSET
    while size >> (octave + 1):
        octave += 1
    found = (octave - LOG_OFFSET) * LOG_STEP + (((size - (1 << octave)) * LOG_STEP) >> octave)
    found = min(found, LOG_ONE)
    return found if scaled >= 0 else -found


@compiled
def look(past: Any, codes: Any, t: int, predicted: int, period: int, inverse: int, row: Any) -> None:
    """The columns of what came before sample ``t`` into ``row``."""
    row[0] = _log(past[t - 1], inverse) / LOG_ONE
    row[1] = _log(past[t - 2], inverse) / LOG_ONE
    row[2] = _log(predicted, inverse) / LOG_ONE
    row[3] = codes[t - 1] / CODES
    row[4] = codes[t - 2] / CODES
    for k in range(3):
        row[5 + k] = codes[t - period - 1 + k] / CODES


@compiled
def _encode(samples: Any, lpc: Any, gain: Any, inverse: Any, period: Any, levels: Any, between: Any, noise: Any) -> Any:
    start = LONGEST + 2
    past = np.zeros(start + len(samples), np.int64)
    seen = np.zeros(start + len(samples), np.int64)
    rows = np.zeros((len(samples), PAST), np.float32)
    codes = np.zeros(len(samples), np.int64)
    for k in range(len(samples)):
        frame, t = k // HOP, start + k
        predicted = predict(past, t, lpc[frame])
        look(past, seen, t, predicted, period[frame], inverse[frame], rows[k])
        error = (samples[k] - predicted) * (1 << LEVEL_BITS) / gain[frame]
        codes[k] = np.searchsorted(between, error)
        heard = min(max(codes[k] + noise[k], 0), CODES - 1)
        past[t] = decode(predicted, levels[heard], gain[frame])
        seen[t] = 2 * heard + 1 - CODES
    return rows, codes, past[start:]


@compiled
def _decode_all(codes: Any, lpc: Any, gain: Any, levels: Any) -> Any:
    past = np.zeros(LONGEST + 2 + len(codes), np.int64)
    for k in range(len(codes)):
        t, frame = LONGEST + 2 + k, k // HOP
        past[t] = decode(predict(past, t, lpc[frame]), levels[codes[k]], gain[frame])
    return past[LONGEST + 2 :]


def synthesize(errors: NDArray[np.floating], conditions: Conditions) -> NDArray[np.int16]:
    """The samples that errors in units of the gain, [T], are decoded to, each rounded to a code."""
    codes = np.searchsorted(BETWEEN, errors * 2**LEVEL_BITS)
    lpc, gain = (x.astype(np.int64) for x in (conditions.lpc, conditions.gain))
    samples: NDArray[np.int64] = _decode_all(codes, lpc, gain, LEVELS.astype(np.int64))
    return samples.astype(np.int16)


def encode(
    samples: NDArray[np.int16], conditions: Conditions, noise: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int16]]:
    """Columns of the past [T, PAST], codes [T] and the decoded samples [T].

    ``noise``, [T], is added to the codes before they are decoded: the codes then correct what it did.
    """
    c = conditions
    noise = np.zeros(len(samples), np.int64) if noise is None else noise
    lpc, gain, inverse, period = (x.astype(np.int64) for x in (c.lpc, c.gain, c.inverse, c.period))
    levels = LEVELS.astype(np.int64)
    rows, codes, heard = _encode(samples.astype(np.int64), lpc, gain, inverse, period, levels, BETWEEN, noise)
    return rows, codes, heard.astype(np.int16)
