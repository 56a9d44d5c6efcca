"""What the pedal makes of guitars (``examples.common.guitars``): one is trained on, the other held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples.audio_effect.device import play
from examples.common import guitars
from examples.common.guitars import PACKAGE, RATE_HZ, Sound

__all__ = ["PACKAGE", "RATE_HZ", "Played", "error_to_signal", "scaled", "train_and_held_out"]

PEAK_V = 0.4
KNOWN_S, HELD_OUT_S = 45, 6
PRE_EMPHASIS = 0.85
"""As in the literature: errors are compared after y[t] - 0.85 y[t-1] (Wright, Damskägg and Välimäki, DAFx 2019)."""


@dataclass(frozen=True)
class Played:
    """dry, wet: a passage before and after the pedal, float32 [T] in volts, at RATE_HZ."""

    dry: Sound
    wet: Sound


def train_and_held_out() -> tuple[Played, Played]:
    """A passage on the guitar trained on, and one on that which is held out.

    Raises:
        UsageError: as ``SourceData.read``.
    """
    return _played(guitars.KNOWN, KNOWN_S, 1), _played(guitars.HELD_OUT, HELD_OUT_S, 2)


@cache
def _played(guitar: str, seconds: float, seed: int) -> Played:
    dry = guitars.passage(guitar, seconds, seed) * PEAK_V
    return Played(dry, play(dry))


def error_to_signal(wanted: NDArray[Any], found: NDArray[Any], emphasis: float = PRE_EMPHASIS) -> float:
    """Energy of the differences over that of ``wanted``, both [..., T] after pre-emphasis, in percent."""
    a, b = (x[..., 1:].astype(np.float64) - emphasis * x[..., :-1] for x in (wanted, wanted - found))
    return float(100 * np.square(b).sum() / np.square(a).sum())


def scaled(played: Played) -> Sound:
    """The input, made louder so that it is as near to the output as that can bring it: what needs no model."""
    return played.dry * (float(np.dot(played.dry, played.wet)) / float(np.dot(played.dry, played.dry)))
