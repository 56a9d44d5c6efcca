"""Ten commands, other words and noise: clips of one second at 8 kHz, as frames of 128 samples.

The words are said by synthetic voices (``examples.common.voices``), of which a quarter is held out, and so are the
words of OTHER_HELD_OUT. Noise is mixed in at 10 to 30 dB; clips are loud or quiet by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from examples.common import noise, voices
from examples.common.exporting import BUILD
from examples.common.synthesis import PACKAGE, Waveform

__all__ = ["PACKAGE", "Clips", "Words", "backgrounds", "calibration", "clips", "held_out", "known_words"]

RATE_HZ = 8000
HOP = 128
FRAMES = 62
SAMPLES = FRAMES * HOP

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
LABELS = (*COMMANDS, "other word", "noise")
OTHER, NOISE = len(COMMANDS), len(COMMANDS) + 1
OTHER_KNOWN = (
    "hello", "seven", "nine", "house", "water", "music", "under", "light", "dog", "cat", "bird", "tree", "bed", "happy",
    "wow", "zero", "one", "two", "three", "four", "five", "learn", "follow", "forward", "visual", "paper", "morning",
    "open", "door", "lift", "town", "write it", "gone", "top", "snow", "yesterday", "upper", "cold", "ghost", "lend",
)  # fmt: skip
OTHER_HELD_OUT = (
    "marvin", "sheila", "backward", "six", "eight", "window", "garden", "table", "loft", "often", "note", "shop",
    "brown", "night", "yellow", "later", "close", "green", "summer", "phone",
)  # fmt: skip

SNR_DB = (10.0, 30.0)
LEVEL_DB = (-36.0, -16.0)

KNOWN_EACH, KNOWN_OTHER = 600, 2000
HELD_OUT_EACH, HELD_OUT_OTHER, HELD_OUT_NOISE = 40, 60, 40
SEED_KNOWN, SEED_HELD_OUT, SEED_NOISE = 11, 12, 13
CALIBRATION = (4, 10, 4)
"""Clips of each command, of other words, of noise."""


@dataclass(frozen=True)
class Words:
    """Words without noise, of any length, and their labels, int64 [N]."""

    sounds: tuple[Waveform, ...]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Clips:
    """Clips with noise as frames, float32 [N, 62, 128], and their labels, int64 [N]."""

    frames: NDArray[np.float32]
    labels: NDArray[np.int64]


def clip(sound: Waveform, background: Waveform, rng: np.random.Generator) -> Waveform:
    """One second that holds the word, or the beginning of a longer one, somewhere, in noise. Of no sound, noise."""
    sound = sound[:SAMPLES]
    start = int(rng.integers(0, SAMPLES - len(sound) + 1))
    both = background * noise.decibels(-rng.uniform(*SNR_DB))
    both[start : start + len(sound)] += noise.unit(sound)
    found: Waveform = np.clip(both * noise.decibels(rng.uniform(*LEVEL_DB)), -1, 1).astype(np.float32)
    return found


def clips(words: Words, backgrounds: Sequence[Waveform], rng: np.random.Generator) -> Clips:
    """A clip of each word, each in one of the backgrounds, which begins anywhere."""
    chosen = rng.permutation(np.arange(len(words.sounds)) % len(backgrounds))
    shifted = [np.roll(backgrounds[k], rng.integers(SAMPLES)) for k in chosen]
    found = np.stack([clip(*both, rng) for both in zip(words.sounds, shifted, strict=True)])
    return Clips(found.reshape(len(found), FRAMES, HOP), words.labels)


def backgrounds(count: int, rng: np.random.Generator) -> list[Waveform]:
    """Noises of one second."""
    return noise.pool(count, SAMPLES, RATE_HZ, rng)


@cache
def known_words() -> Words:
    """The words to train on, and silence.

    Raises:
        UsageError: as ``synthesizer``.
    """
    return _words("known", OTHER_KNOWN, (KNOWN_EACH, KNOWN_OTHER, KNOWN_EACH), SEED_KNOWN)


@cache
def held_out() -> Clips:
    """The clips to score, always the same.

    Raises:
        UsageError: as ``synthesizer``.
    """
    counts = (HELD_OUT_EACH, HELD_OUT_OTHER, HELD_OUT_NOISE)
    words = _words("held-out", OTHER_HELD_OUT, counts, SEED_HELD_OUT)
    rng = np.random.default_rng(SEED_NOISE)
    return clips(words, backgrounds(len(words.sounds), rng), rng)


def calibration() -> list[NDArray[np.float32]]:
    """Some words as training has them."""
    words, rng = _words("calibration", OTHER_KNOWN, CALIBRATION, SEED_KNOWN), np.random.default_rng(SEED_NOISE)
    return list(clips(words, backgrounds(len(words.sounds), rng), rng).frames)


def _words(side: str, others: Sequence[str], counts: tuple[int, int, int], seed: int) -> Words:
    each, other, silent = counts
    texts = [*(word for word in COMMANDS for _ in range(each)), *(others[k % len(others)] for k in range(other))]
    make = partial(voices.words, texts, side == "held-out", RATE_HZ, np.random.default_rng(seed))
    sounds = voices.kept(BUILD / "keywords" / f"{side}-{PACKAGE.version}.npz", make)
    labels = np.repeat(np.arange(len(LABELS)), [*[each] * len(COMMANDS), other, silent])
    return Words((*sounds, *[np.zeros(0, np.float32)] * silent), labels)
