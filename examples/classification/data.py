"""The recordings: shoulder exercises, seen by a smartwatch.

Source: the PyPI package ``seglearn`` 1.2.5 (BSD-3), ``watch_dataset.npy``: 140 recordings of 10 people doing 7
exercises, each about 20 times, with both arms; 3 axes of acceleration (g) and 3 of rotation (rad/s) at 50 Hz
(Burns et al., https://arxiv.org/abs/1802.01489). People are held out: none of theirs is trained on.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from examples.common.packaged import PackagedData

PACKAGE = PackagedData("seglearn", "1.2.5", "recordings of exercises")
MEMBER = "seglearn/data/watch_dataset.npy"
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"

RATE_HZ = 50
CHANNELS = 6
EXERCISES = (
    "pendulum", "abduction", "forward elevation", "internal rotation", "external rotation", "trapezius extension",
    "upright row",
)  # fmt: skip
HELD_OUT_SUBJECTS = (8, 9, 10)
WINDOW = 100
HOP = 50


@dataclass(frozen=True)
class Recordings:
    """frames: one float32 array [T, 6] a recording; labels, subjects: int64 [N]."""

    frames: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.int64]
    subjects: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, chosen: NDArray[np.bool_]) -> Recordings:
        """The recordings that are chosen."""
        kept = np.flatnonzero(chosen)
        return Recordings(tuple(self.frames[k] for k in kept), self.labels[kept], self.subjects[kept])


class _ArraysOnly(pickle.Unpickler):
    """The file is an array of Python objects; nothing but arrays, numbers and texts is made from it."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            "_reconstruct": np.empty(0).__reduce__()[0],
            "ndarray": np.ndarray,
            "dtype": np.dtype,
            "encode": str.encode,
        }
        if name not in allowed:
            raise UsageError(f"{MEMBER} holds {module}.{name}, which is no data")
        return allowed[name]


def load() -> Recordings:
    """All 140 recordings, in the order of the file.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    found = _read(PACKAGE.file(MEMBER, SHA256))
    frames = tuple(np.ascontiguousarray(x, np.float32) for x in found["X"])
    return Recordings(frames, np.asarray(found["y"], np.int64), np.asarray(found["subject"], np.int64))


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        contents: dict[str, Any] = _ArraysOnly(file).load().item()
    return contents


def train_and_held_out() -> tuple[Recordings, Recordings]:
    """The recordings of seven people, and those of the three that are held out.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    recordings = load()
    held_out = np.isin(recordings.subjects, HELD_OUT_SUBJECTS)
    return recordings.take(~held_out), recordings.take(held_out)


def windows(recordings: Recordings) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """All windows [100, 6] of two seconds, one each second, and their exercises."""
    pairs = [
        (frames[start : start + WINDOW], label)
        for frames, label in zip(recordings.frames, recordings.labels, strict=True)
        for start in range(0, len(frames) - WINDOW + 1, HOP)
    ]
    return [window for window, _ in pairs], np.asarray([label for _, label in pairs])
