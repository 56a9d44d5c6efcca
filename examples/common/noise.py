"""Noise of many kinds, and sounds mixed with it at a stated ratio."""

from __future__ import annotations

import numpy as np

from examples.common.synthesis import Waveform

STEEPEST = 2.0
HUM_HZ = (45.0, 250.0)
OVERTONES = 8


def coloured(count: int, slope: float, rng: np.random.Generator) -> Waveform:
    """Noise whose power falls with frequency as ``f ** -slope``: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.arange(1, len(spectrum) + 1) / len(spectrum)
    return np.fft.irfft(spectrum * frequency ** (-slope / 2), count).astype(np.float32)


def hum(count: int, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """A machine: a tone with overtones whose loudness and pitch waver."""
    time_s = np.arange(count) / rate_hz
    pitch_hz, waver_hz = rng.uniform(*HUM_HZ), rng.uniform(0.2, 4)
    phase = 2 * np.pi * pitch_hz * time_s + rng.uniform(0, 1.5) * np.sin(2 * np.pi * waver_hz * time_s)
    tones = sum(rng.exponential() / k * np.sin(k * phase + rng.uniform(0, 6)) for k in range(1, OVERTONES + 1))
    swell = 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * waver_hz * time_s)
    return (tones * swell).astype(np.float32)


def any_kind(count: int, rate_hz: int, rng: np.random.Generator) -> Waveform:
    """Coloured noise, to which a third of the time a machine hums; its root mean square is 1."""
    sound = unit(coloured(count, rng.uniform(0, STEEPEST), rng))
    if rng.random() < 1 / 3:
        sound = sound + rng.uniform(0.3, 1.5) * unit(hum(count, rate_hz, rng))
    return unit(sound)


def unit(sound: Waveform) -> Waveform:
    """A sound of root mean square 1; silence stays silence."""
    level = float(np.sqrt(np.square(sound, dtype=np.float64).sum() / max(1, len(sound))))
    return (sound / level).astype(np.float32) if level else sound


def pool(count: int, samples: int, rate_hz: int, rng: np.random.Generator) -> list[Waveform]:
    """Noises of any kind, for training, which takes parts of them from anywhere."""
    return [any_kind(samples, rate_hz, rng) for _ in range(count)]


def decibels(ratio_db: float) -> np.float32:
    """The factor of amplitudes for a ratio of powers."""
    return np.float32(10 ** (ratio_db / 20))
