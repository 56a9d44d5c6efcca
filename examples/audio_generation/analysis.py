"""What the generator is told of each hundredth of a second: mel spectrum, pitch and voicing; what follows from these.

The linear predictor and the size of its errors are those of a sound with that mel spectrum: the autocorrelation is the
inverse transform of its power, the recursion that of Levinson (Valin and Skoglund, "LPCNet: improving neural speech
synthesis through linear prediction", ICASSP 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
HOP = 80
WINDOW = 256
BANDS = 20
ORDER = 12
LPC_BITS = 12
PEAK = 32767

LOUDEST_DB, QUIETEST_DB = 70.0, -10.0
"""Of the power in a band, in units of samples squared: they become 1 and -1."""
WHITE, BROADENED = 1e-4, 0.994
LEAST_GAIN = 4
INVERSE_BITS = 16

SHORTEST, LONGEST = 25, 160
"""Periods, in samples."""
JUMP = 0.6
"""What an octave from one frame to the next costs, in correlation."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conditions:
    """Of each frame, F in all.

    mel      levels of BANDS bands, -1 to 1, [F, BANDS]
    voicing  correlation with the sound a period before, 0 to 1
    period   in samples, also where there is no voice
    lpc      coefficients of the predictor in units of 2^-LPC_BITS, [F, ORDER]
    gain     root mean square of its errors in units of samples
    inverse  2^INVERSE_BITS over ``gain``
    """

    mel: Floats
    voicing: Floats
    period: Ints
    lpc: Ints
    gain: Ints
    inverse: Ints

    def columns(self) -> NDArray[np.float32]:
        """What the network sees of it, [F, BANDS + 2]."""
        octaves = 2 * np.log2(self.period / SHORTEST) / np.log2(LONGEST / SHORTEST) - 1
        return np.column_stack([octaves, 2 * self.voicing - 1, self.mel]).astype(np.float32)

    def frames(self, start: int, stop: int) -> Conditions:
        """Those of some of the frames."""
        return Conditions(**{field.name: getattr(self, field.name)[start:stop] for field in fields(self)})


def analyse(samples: NDArray[np.int16]) -> Conditions:
    """The conditions of a sound [F * HOP]."""
    power = _power(samples)
    bands = power @ _filters().T
    level_db = 10 * np.log10(bands + 1e-9)
    mel = np.clip((level_db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB) * 2 - 1, -1, 1)
    period, voicing = _pitch(samples)
    return Conditions(mel, voicing, period, *predictors(mel))


def predictors(mel: Floats) -> tuple[Ints, Ints, Ints]:
    """``lpc``, ``gain`` and ``inverse`` of mel spectra [F, BANDS]."""
    bands = 10 ** (((mel + 1) / 2 * (LOUDEST_DB - QUIETEST_DB) + QUIETEST_DB) / 10)
    shapes = _filters()
    power = bands @ (shapes / np.maximum(shapes.sum(axis=0), 1e-9))
    lags = np.fft.irfft(power, WINDOW, axis=1)[:, : ORDER + 1]
    lags[:, 0] *= 1 + WHITE
    coefficients, error = _levinson(lags)
    coefficients *= BROADENED ** np.arange(1, ORDER + 1)
    gain = np.maximum(np.rint(np.sqrt(error)), LEAST_GAIN).astype(np.int32)
    inverse = np.rint(2**INVERSE_BITS / gain).astype(np.int32)
    return np.rint(coefficients * 2**LPC_BITS).astype(np.int32), gain, inverse


def _power(samples: NDArray[np.int16]) -> Floats:
    """Power of each frame and frequency, [F, WINDOW / 2 + 1]: their mean is the mean of the squares."""
    side = (WINDOW - HOP) // 2
    padded = np.pad(samples.astype(np.float64), (side, WINDOW - HOP - side))
    starts = np.arange(0, len(samples), HOP)
    window = np.hanning(WINDOW + 2)[1:-1]
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(WINDOW)] * window)
    power: Floats = np.square(np.abs(spectra)) / np.square(window).sum()
    return power


def _filters() -> Floats:
    """Triangles of equal width on the mel scale, each of sum 1: [BANDS, WINDOW / 2 + 1]."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 2 / 700), BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shapes = np.maximum(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0)
    shapes[0, hz < edges[1]] = 1
    shapes[-1, hz > edges[-2]] = 1
    filters: Floats = shapes / shapes.sum(axis=1, keepdims=True)
    return filters


def _levinson(lags: Floats) -> tuple[Floats, Floats]:
    """Predictors [F, ORDER] and the power of their errors [F], of autocorrelations [F, ORDER + 1]."""
    found, error = np.zeros((len(lags), ORDER)), lags[:, 0].copy()
    for k in range(ORDER):
        ahead = lags[:, k + 1] - (found[:, :k] * lags[:, k:0:-1]).sum(axis=1)
        reflection = ahead / error
        found[:, :k] -= reflection[:, None] * found[:, :k][:, ::-1]
        found[:, k] = reflection
        error *= 1 - np.square(reflection)
    return found, error


def _pitch(samples: NDArray[np.int16]) -> tuple[Ints, Floats]:
    """Period and voicing [F]: the likeliest way through the correlations of all frames (Viterbi)."""
    score = _correlations(samples)
    periods = np.arange(SHORTEST, LONGEST + 1)
    cost = JUMP * np.abs(np.log2(periods[:, None] / periods))
    best, back = score[0], np.zeros(score.shape, np.int64)
    for frame in range(1, len(score)):
        paths = best[None, :] - cost
        back[frame] = paths.argmax(axis=1)
        best = paths.max(axis=1) + score[frame]
    way = [int(best.argmax())]
    for frame in range(len(score) - 1, 0, -1):
        way.append(int(back[frame, way[-1]]))
    chosen = np.asarray(way[::-1])
    voicing = np.clip(score[np.arange(len(score)), chosen], 0, 1)
    return periods[chosen].astype(np.int32), voicing


def _correlations(samples: NDArray[np.int16]) -> Floats:
    """Of each frame with what came each period before, [F, periods], somewhat less for long ones."""
    length = 2 * LONGEST
    before, after = length // 2 + LONGEST, length // 2
    padded = np.pad(samples.astype(np.float64), (before, after + HOP))
    centres = np.arange(0, len(samples), HOP) + HOP // 2 + before
    now = padded[centres[:, None] + np.arange(-length // 2, length // 2)]
    rows = []
    for period in range(SHORTEST, LONGEST + 1):
        then = padded[centres[:, None] + np.arange(-length // 2, length // 2) - period]
        energy = np.sqrt((now**2).sum(axis=1) * (then**2).sum(axis=1)) + length * 100.0
        rows.append((now * then).sum(axis=1) / energy - 0.0004 * period)
    return np.stack(rows, axis=1)
