"""Lines of five handwritten digits of ``examples.common.digits``, as a scanner gives them: column by column.

Between digits are zero to three empty columns, and digits are set higher or lower by up to two rows. Lines have an even
number of columns. They are made from seeds; the held-out ones show images that no line of training shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common import digits
from examples.common.digits import PACKAGE, Digits

__all__ = ["BLANK", "PACKAGE", "ROWS", "SYMBOLS", "Lines", "held_out", "lines"]

LENGTH = 5
ROWS = digits.SIZE + 2
GAP = 3
MARGIN = 2
BLANK = 0
SYMBOLS = 1 + digits.DIGITS
"""The blank, then the digits."""

HELD_OUT_LINES = 500
HELD_OUT_SEED = 0


@dataclass(frozen=True)
class Lines:
    """columns: one float32 array [T, 10] a line, T even; texts: int64 [N, 5], the digits."""

    columns: tuple[NDArray[np.float32], ...]
    texts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def lines(images: Digits, count: int, rng: np.random.Generator) -> Lines:
    """``count`` lines, each of five images drawn from ``images``."""
    chosen = rng.integers(0, len(images), (count, LENGTH))
    return Lines(tuple(_line(images.images[row], rng) for row in chosen), images.labels[chosen])


def _line(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    gaps = rng.integers(0, GAP + 1, len(images))
    width = 2 * MARGIN + len(images) * digits.SIZE + int(gaps.sum())
    page = np.zeros((ROWS, width + width % 2))
    left = MARGIN
    for image, gap in zip(images, gaps, strict=True):
        top = rng.integers(0, ROWS - digits.SIZE + 1)
        page[top : top + digits.SIZE, left : left + digits.SIZE] = image
        left += digits.SIZE + int(gap)
    return np.ascontiguousarray(page.T, np.float32)


@cache
def held_out() -> Lines:
    """The held-out lines.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    return lines(digits.train_and_held_out()[1], HELD_OUT_LINES, np.random.default_rng(HELD_OUT_SEED))
