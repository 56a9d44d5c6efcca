"""Images of handwritten digits, 8 x 8 grey values.

Source: the PyPI package ``scikit-learn`` 1.9.1 (BSD-3), ``digits.csv.gz``: 1,797 images by 13 people (E. Alpaydin and
C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, CC BY 4.0). The file does not
name them, but keeps the images of one together: the last fifth of it is held out, not a random one, so that most of its
people are new.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("scikit-learn", "1.9.1", "images of digits")
MEMBER = "sklearn/datasets/data/digits.csv.gz"
SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"

SIZE = 8
DIGITS = 10
HELD_OUT = 360
LARGEST = 16.0


@dataclass(frozen=True)
class Digits:
    """images: float32 [N, 8, 8] from 0 to 1; labels: int64 [N]."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@cache
def train_and_held_out() -> tuple[Digits, Digits]:
    """The images that training may see, and the others.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    with gzip.open(PACKAGE.file(MEMBER, SHA256), "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.float32)
    images = rows[:, :-1].reshape(-1, SIZE, SIZE) / np.float32(LARGEST)
    labels = rows[:, -1].astype(np.int64)
    return Digits(images[:-HELD_OUT], labels[:-HELD_OUT]), Digits(images[-HELD_OUT:], labels[-HELD_OUT:])
