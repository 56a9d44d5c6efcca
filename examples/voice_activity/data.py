"""Scenes to train on, of synthetic voices; a telephone call of two people to be judged by.

To train on: verses of ``examples.common.kjv`` said by the voices of ``examples.common.voices``, with pauses, in noise,
with clicks and beeps. When somebody speaks is known from the loudness of the voice alone.

Held out: the call that the PyPI package ``pyannote-audio`` 4.0.7 (MIT) ships with labels made by people,
``pyannote/audio/sample/sample.{wav,rttm}``: 30 seconds, two speakers; as it is, and in noise at 20, 10 and 5 dB.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from examples.common import kjv, noise, voices
from examples.common.exporting import BUILD
from examples.common.packaged import PackagedData
from examples.common.synthesis import PACKAGE as VOICES
from examples.common.synthesis import Waveform, resampled

PACKAGE = PackagedData("pyannote-audio", "4.0.7", "recordings of a call")
RECORDING = "pyannote/audio/sample/sample.wav"
RECORDING_SHA256 = "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e"
LABELS = "pyannote/audio/sample/sample.rttm"
LABELS_SHA256 = "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87"

RATE_HZ = 8000
HOP = 128
FRAMES = 312
SAMPLES = FRAMES * HOP

PHRASES = 500
LONGEST_S = 3.0
CHARACTERS = 60
CALIBRATION, CALIBRATION_PHRASES = 12, 40
SEED = 31

SNR_DB = (0.0, 30.0)
LEVEL_DB = (-44.0, -14.0)
TELEPHONE_HZ = (300.0, 3400.0)
GAP_FRAMES = 16
AUDIBLE_DB = -32.0

CONDITIONS_DB = (20.0, 10.0, 5.0)
DRAWS = 3


@dataclass(frozen=True)
class Scene:
    """frames: float32 [T, 128]; speech: bool [T]; about: what was done to it."""

    frames: NDArray[np.float32]
    speech: NDArray[np.bool_]
    about: str = ""


@cache
def phrases(count: int = PHRASES) -> list[Waveform]:
    """What synthetic voices say in training; fewer are there sooner.

    Raises:
        UsageError: as ``synthesizer`` and ``PackagedData.file``.
    """
    path = BUILD / "voice_activity" / f"phrases-{VOICES.version}-{count}.npz"
    return voices.kept(path, partial(_said, count, SEED))


def _said(count: int, seed: int) -> list[Waveform]:
    rng = np.random.default_rng(seed)
    verses = " ".join(kjv.train_and_held_out()[0]).split(". ")
    texts = [verses[k][:CHARACTERS] for k in rng.integers(0, len(verses), count)]
    return [voices.trimmed(voices.said(text, False, RATE_HZ, rng))[: int(LONGEST_S * RATE_HZ)] for text in texts]


def speech_in(sound: Waveform) -> NDArray[np.bool_]:
    """Of each whole frame, whether a voice without noise is heard; short gaps are not silence."""
    power = np.square(sound[: len(sound) // HOP * HOP].reshape(-1, HOP)).mean(axis=1)
    heard: NDArray[np.bool_] = power > power.max() * 10 ** (AUDIBLE_DB / 10)
    places = np.flatnonzero(heard)
    for before, after in pairwise(places):
        heard[before : after + 1] |= after - before <= GAP_FRAMES
    return heard


def scene(said: Sequence[Waveform], backgrounds: Sequence[Waveform], rng: np.random.Generator) -> Scene:
    """Five seconds: pauses and phrases of different people, sounds that are no speech, noise."""
    sound, speech = np.zeros(SAMPLES, np.float32), np.zeros(FRAMES, bool)
    start = int(rng.exponential(0.8) * RATE_HZ) // HOP
    while start < FRAMES:
        phrase = noise.unit(said[int(rng.integers(len(said)))])[: (FRAMES - start) * HOP]
        sound[start * HOP : start * HOP + len(phrase)] += phrase * noise.decibels(rng.uniform(-6, 3))
        heard = speech_in(phrase)
        speech[start : start + len(heard)] |= heard
        start += len(heard) + int(rng.uniform(0.2, 3.0) * RATE_HZ) // HOP
    for _ in range(rng.poisson(2)):
        _add(sound, _blip(rng), rng)
    background = np.roll(backgrounds[int(rng.integers(len(backgrounds)))], rng.integers(SAMPLES))
    both = sound + background * _swell(rng) * noise.decibels(-rng.uniform(*SNR_DB))
    if rng.random() < 0.5:
        both = through_telephone(both)
    both = np.clip(both * noise.decibels(rng.uniform(*LEVEL_DB)), -1, 1)
    return Scene(both.reshape(FRAMES, HOP).astype(np.float32), speech)


def _swell(rng: np.random.Generator) -> Waveform:
    """Noise that comes and goes, in half of the scenes."""
    if rng.random() < 0.5:
        return np.ones(SAMPLES, np.float32)
    points = rng.uniform(-12, 0, 8)
    return (10 ** (np.interp(np.linspace(0, 7, SAMPLES), np.arange(8), points) / 20)).astype(np.float32)


def _blip(rng: np.random.Generator) -> Waveform:
    """A click, a knock or a beep."""
    count = int(rng.uniform(0.01, 0.4) * RATE_HZ)
    fade = np.exp(-np.arange(count) / (count * rng.uniform(0.1, 1.0)))
    if rng.random() < 0.5:
        return (noise.coloured(count, rng.uniform(0, 2), rng) * fade * rng.uniform(0.3, 2)).astype(np.float32)
    tone = np.sin(2 * np.pi * rng.uniform(200, 3000) * np.arange(count) / RATE_HZ)
    return (tone * fade * rng.uniform(0.1, 1.0)).astype(np.float32)


def _add(sound: Waveform, short: Waveform, rng: np.random.Generator) -> None:
    start = int(rng.integers(0, len(sound) - len(short)))
    sound[start : start + len(short)] += short


def through_telephone(sound: Waveform) -> Waveform:
    """The band of a telephone."""
    spectrum = np.fft.rfft(sound)
    frequency_hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    spectrum[(frequency_hz < TELEPHONE_HZ[0]) | (frequency_hz > TELEPHONE_HZ[1])] *= 0.03
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def backgrounds(count: int, rng: np.random.Generator) -> list[Waveform]:
    """Noises as long as a scene."""
    return noise.pool(count, SAMPLES, RATE_HZ, rng)


@cache
def calibration() -> list[Scene]:
    """Scenes as training has them."""
    rng = np.random.default_rng(SEED)
    return [scene(phrases(CALIBRATION_PHRASES), backgrounds(1, rng), rng) for _ in range(CALIBRATION)]


@cache
def held_out() -> list[Scene]:
    """The call as it is, then in noise, several times for each ratio.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    sound, speech = _call()
    rng = np.random.default_rng(SEED)
    loud = sound.reshape(-1, HOP)[speech]
    level = np.sqrt(np.square(loud).mean())
    found = [Scene(sound.reshape(-1, HOP), speech, "as recorded")]
    for snr_db in CONDITIONS_DB:
        for _ in range(DRAWS):
            background = noise.any_kind(len(sound), RATE_HZ, rng) * noise.decibels(-snr_db) * level
            frames = np.clip(sound + background, -1, 1).astype(np.float32).reshape(-1, HOP)
            found.append(Scene(frames, speech, f"noise at {snr_db:g} dB"))
    return found


def _call() -> tuple[Waveform, NDArray[np.bool_]]:
    """Whole frames, and in which of them somebody speaks in the middle."""
    with wave.open(str(PACKAGE.file(RECORDING, RECORDING_SHA256))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
        sound = resampled(samples, file.getframerate(), RATE_HZ)
    sound = sound[: len(sound) // HOP * HOP]
    middle_s = (np.arange(len(sound) // HOP) + 0.5) * HOP / RATE_HZ
    speech = np.zeros(len(middle_s), bool)
    for row in PACKAGE.file(LABELS, LABELS_SHA256).read_text().splitlines():
        begin_s, length_s = (float(field) for field in row.split()[3:5])
        speech |= (middle_s >= begin_s) & (middle_s < begin_s + length_s)
    return sound, speech
