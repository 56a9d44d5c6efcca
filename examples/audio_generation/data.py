"""Verses of ``examples.common.kjv`` as one synthetic voice says them, at 8 kHz.

Verses of chapters that are held out there are held out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from examples.audio_generation.analysis import HOP, PEAK, RATE_HZ, Conditions, analyse
from examples.audio_generation.codec import encode
from examples.common import kjv, voices
from examples.common.exporting import BUILD
from examples.common.synthesis import PACKAGE, Manner, Waveform, synthesizer

__all__ = ["PACKAGE", "RATE_HZ", "Spoken", "heard", "held_out", "known"]

VOICE, MANNER = "en-us+f2", Manner(words_per_minute=165, pitch=45, pitch_range=50)
PRE_EMPHASIS = 0.85
LOUDNESS = 1600.0
"""Root mean square of the samples."""

KNOWN, HELD_OUT = 90, 6
CHARACTERS = (40, 90)
SEED = 41


@dataclass(frozen=True)
class Spoken:
    """samples: int16 [F * HOP], after pre-emphasis; conditions: of each of the F frames."""

    samples: NDArray[np.int16]
    conditions: Conditions

    def encoded(self, noise: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What the network reads, [T, PAST + BANDS + 2], and the codes that it foresees, [T]."""
        past, codes, _ = encode(self.samples, self.conditions, noise)
        held = np.repeat(self.conditions.columns(), HOP, axis=0)
        return np.concatenate([past, held], axis=1), codes


@cache
def known(count: int = KNOWN) -> list[Spoken]:
    """Phrases to train on; fewer are there sooner.

    Raises:
        UsageError: as ``synthesizer`` and ``PackagedData.file``.
    """
    return _phrases(0, count)


@cache
def held_out() -> list[Spoken]:
    """Phrases to be judged by. Raises as ``known``."""
    return _phrases(1, HELD_OUT)


def _phrases(side: int, count: int) -> list[Spoken]:
    path = BUILD / "audio_generation" / f"phrases-{PACKAGE.version}-{side}-{count}.npz"
    return [_spoken(sound) for sound in voices.kept(path, partial(_said, side, count))]


def _said(side: int, count: int) -> list[Waveform]:
    rng = np.random.default_rng(SEED)
    phrases = " ".join(kjv.train_and_held_out()[side]).replace(";", ".").replace(":", ".").split(". ")
    fitting = [text for text in phrases if CHARACTERS[0] <= len(text) <= CHARACTERS[1]]
    chosen = rng.choice(len(fitting), count, replace=False)
    return [voices.trimmed(synthesizer().speak(fitting[k], VOICE, MANNER, RATE_HZ)) for k in chosen]


def _spoken(sound: Waveform) -> Spoken:
    emphasized = np.append(sound[:1], sound[1:] - PRE_EMPHASIS * sound[:-1])
    emphasized *= LOUDNESS / np.sqrt(np.square(emphasized).mean())
    length = len(sound) // HOP * HOP
    samples = np.clip(np.rint(emphasized[:length]), -PEAK, PEAK).astype(np.int16)
    return Spoken(samples, analyse(samples))


def heard(samples: NDArray[np.int16]) -> Waveform:
    """The sound, without pre-emphasis, [T]."""
    result = np.zeros(len(samples), np.float32)
    last = 0.0
    for k, sample in enumerate(samples.tolist()):
        last = sample + PRE_EMPHASIS * last
        result[k] = last
    return result / np.float32(PEAK)
