"""Numbers of three to five digits: recordings of ``examples.spoken_digits``, joined end to end.

The recordings are split as there: 2,400 to train on, 600 held out. A held-out number is made of held-out recordings
alone. The file does not say who speaks, so the digits of a number come from different speakers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.spoken_digits import data as digits
from examples.spoken_digits.data import COEFFICIENTS, INSTALL, MEMBER, PACKAGE, VERSION, Recordings

__all__ = ["COEFFICIENTS", "INSTALL", "MEMBER", "PACKAGE", "VERSION", "Number", "calibration", "held_out", "known"]

SHORTEST, LONGEST = 3, 5
PASSES = 2
"""How often each held-out recording is used."""
HELD_OUT_SEED = 7
CALIBRATION = 24


@dataclass(frozen=True)
class Number:
    """frames: float32 [T, 13], the recordings one after another; digits: what is said; ends: where recordings end."""

    frames: NDArray[np.float32]
    digits: tuple[int, ...]
    ends: tuple[int, ...]


def numbers(order: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Indices of recordings in groups of three to five; what is left over at the end is dropped."""
    groups, start = [], 0
    while len(order) - start >= LONGEST:
        count = int(rng.integers(SHORTEST, LONGEST + 1))
        groups.append(order[start : start + count])
        start += count
    return groups


def joined(recordings: Recordings, group: NDArray[np.int64]) -> Number:
    """The recordings at these indices, one after another."""
    parts = [recordings.frames[k] for k in group]
    ends = np.cumsum([len(part) for part in parts])
    return Number(np.concatenate(parts), tuple(recordings.labels[group].tolist()), tuple(ends.tolist()))


def known() -> Recordings:
    """The recordings to train on.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    return digits.train_and_held_out()[0]


def held_out() -> list[Number]:
    """The numbers to score, always the same.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    recordings, rng = digits.train_and_held_out()[1], np.random.default_rng(HELD_OUT_SEED)
    orders = [rng.permutation(len(recordings)) for _ in range(PASSES)]
    return [joined(recordings, group) for order in orders for group in numbers(order, rng)]


def calibration() -> list[Number]:
    """Numbers of recordings trained on."""
    recordings, rng = known(), np.random.default_rng(HELD_OUT_SEED)
    return [joined(recordings, group) for group in numbers(rng.permutation(len(recordings)), rng)[:CALIBRATION]]
