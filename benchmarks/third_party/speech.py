"""A recording of speech: 30 s of a meeting with two speakers, 16 kHz, and the times at which they speak."""

from __future__ import annotations

import wave
from functools import cache

import numpy as np

from benchmarks.third_party.model import Array
from examples.common.packaged import PackagedData

SPEECH = PackagedData("pyannote-audio", "4.0.7", "recordings of speech")
RATE_HZ = 16000
WAV = "pyannote/audio/sample/sample.wav", "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e"
TIMES = "pyannote/audio/sample/sample.rttm", "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87"


@cache
def waveform() -> Array:
    """Samples from -1 to 1."""
    with wave.open(str(SPEECH.file(*WAV))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float32) / 32768


def spoken(centres_s: Array) -> Array:
    """Whether somebody speaks, by the annotation of the recording, at each of these times."""
    rows = [line.split() for line in SPEECH.file(*TIMES).read_text().splitlines()]
    starts = [(float(row[3]), float(row[3]) + float(row[4])) for row in rows]
    return np.asarray(np.any([(centres_s >= start) & (centres_s < end) for start, end in starts], axis=0))


def halves(frames: Array) -> tuple[Array, Array]:
    """The first half, to test on, and the second, to calibrate with."""
    middle = len(frames) // 2
    return frames[:middle], frames[middle:]
