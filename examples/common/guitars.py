"""Passages for guitar: recorded strings, plucked one after the other and together.

Source: the source distribution of ``guitarsounds`` 1.2.0 (MIT), ``example_sounds``: the six strings of a wooden guitar
and of one of carbon fibre, each plucked once and heard for 7 seconds on the average. A string that
is fretted is its recording played faster. Training hears the wooden guitar; the one of carbon fibre is held out.
"""

from __future__ import annotations

import io
import wave
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import SourceData

PACKAGE = SourceData(
    "guitarsounds", "1.2.0", "recordings of guitar strings",
    "ee26363876ba1473e19fbaf359f4cb3b6cb3dcefc6bdac945a8a1b8cb242c29b",
)  # fmt: skip
KNOWN, HELD_OUT = "Wood", "Carbon"
STRINGS = ("E6", "A5", "D4", "G3", "B2", "E1")
"""The lowest first."""

RATE_HZ = 44_100
LOWEST_HZ = 60.0
"""What is below is no string."""

PLUCKED, BEFORE_S, AFTER_S = 0.1, 0.003, 0.3
"""A recording is taken from shortly before its sound first has this share of its peak, to shortly before its end."""

FRETS = 12
PLUCKS_PER_S = 3.0
CHORDS = 0.3
"""The share of plucks that are chords."""

DAMPING_S = 0.02
STRUM_SAMPLES = RATE_HZ // 100

Sound = NDArray[np.float32]


@cache
def recording(guitar: str, string: str) -> Sound:
    """One plucked string at RATE_HZ, float32 [T], from the pluck on; its peak is 1.

    Raises:
        UsageError: as ``SourceData.read``.
    """
    content = PACKAGE.read(f"example_sounds/{guitar}_Guitar/{guitar}_{string}.wav")
    with wave.open(io.BytesIO(content)) as file:
        rate_hz = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    hz = np.maximum(np.fft.rfftfreq(len(sound), 1 / rate_hz), 1e-9)
    sound = np.fft.irfft(np.fft.rfft(sound) / (1 + (LOWEST_HZ / hz) ** 8), len(sound))
    sound /= np.abs(sound).max()
    plucked = int(np.flatnonzero(np.abs(sound) > PLUCKED)[0])
    return _faster(sound[max(plucked - int(BEFORE_S * rate_hz), 0) : -int(AFTER_S * rate_hz)], rate_hz / RATE_HZ)


def _faster(sound: NDArray[Any], times: float) -> Sound:
    """``sound`` played so many times faster."""
    places = np.arange(int((len(sound) - 1) / times)) * times
    result: Sound = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    return result


def passage(guitar: str, seconds: float, seed: int, chords: float = CHORDS) -> Sound:
    """Somebody plays for a while, float32 [T] at RATE_HZ, its peak 1.

    Strings are plucked at random, and damped when they are again; a share of ``chords`` of the plucks takes several.
    """
    rng = np.random.default_rng(seed)
    lanes = np.zeros((len(STRINGS), int(seconds * RATE_HZ)), np.float32)
    start = 0.0
    while start < lanes.shape[1]:
        count = int(rng.integers(3, len(STRINGS) + 1)) if rng.random() < chords else 1
        loudness, fret = rng.uniform(0.15, 1), int(rng.integers(0, FRETS + 1))
        for order, k in enumerate(sorted(rng.choice(len(STRINGS), count, replace=False))):
            note = _faster(recording(guitar, STRINGS[k]), 2 ** (fret / 12)) * loudness
            _pluck(lanes[k], note, int(start) + order * STRUM_SAMPLES)
        start += rng.exponential(RATE_HZ / PLUCKS_PER_S)
    mixed = lanes.sum(axis=0)
    loudest: Sound = mixed / np.abs(mixed).max()
    return loudest


def _pluck(lane: Sound, note: Sound, start: int) -> None:
    """Put a note into the lane of its string, in place; what sounds there is damped."""
    rest = lane[start:]
    rest *= np.exp(-np.arange(len(rest)) / (DAMPING_S * RATE_HZ))
    rest[: len(note)] += note[: len(rest)]
