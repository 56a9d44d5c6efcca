"""Films of 16 x 16 pixels: a handwritten digit of ``examples.common.digits`` that moves in one of eight directions.

The field is a torus: what leaves on one side enters on the other. The digit starts anywhere, moves by 0.5 to 1.2 pixels
a frame, in between pixels too, is brighter or darker, and stands in noise. Films are made from seeds; the held-out ones
show images that no film of training shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from examples.common import digits
from examples.common.digits import PACKAGE, Digits

__all__ = ["DIRECTIONS", "PACKAGE", "RATE_HZ", "SIZE", "Films", "films", "held_out"]

SIZE = 16
FRAMES = 16
RATE_HZ = 25
DIRECTIONS = ("→", "↘", "↓", "↙", "←", "↖", "↑", "↗")
STEPS = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])
"""Rows down and columns to the right, by direction."""

SPEED = (0.5, 1.2)
BRIGHTNESS = (0.6, 1.0)
NOISE_STD = 0.1
HELD_OUT_FILMS = 1000
HELD_OUT_SEED = 0


@dataclass(frozen=True)
class Films:
    """frames: float32 [N, 16, 16, 16], film, time, rows, columns; labels: int64 [N], the direction of each."""

    frames: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def films(images: Digits, count: int, rng: np.random.Generator) -> Films:
    """``count`` films, each of an image drawn from ``images``."""
    labels = rng.integers(0, len(DIRECTIONS), count)
    field = np.zeros((count, SIZE, SIZE), np.float32)
    field[:, : digits.SIZE, : digits.SIZE] = images.images[rng.integers(0, len(images), count)]
    field *= rng.uniform(*BRIGHTNESS, (count, 1, 1)).astype(np.float32)
    speed = rng.uniform(*SPEED, count)
    time = np.arange(FRAMES)
    shift = rng.uniform(0, SIZE, (count, 1, 2)) + (speed[:, None] * STEPS[labels])[:, None] * time[None, :, None]
    noise = rng.normal(0, NOISE_STD, (count, FRAMES, SIZE, SIZE)).astype(np.float32)
    return Films(np.clip(_moved(field, shift) + noise, 0, 1), labels.astype(np.int64))


def _moved(field: NDArray[np.float32], shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Fields [N, 16, 16] on the torus, shifted by [N, T, 2] pixels, linearly between them: [N, T, 16, 16]."""
    rows, columns = (_between(shift[..., axis]) for axis in (0, 1))
    moved: NDArray[np.float32] = np.einsum("ntij,njk,ntlk->ntil", rows, field, columns, optimize=True)
    return moved


def _between(shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Matrices [..., 16, 16] that shift an axis by [...] pixels."""
    whole = np.floor(shift).astype(int)
    part = (shift - whole)[..., None, None]
    eye = np.eye(SIZE)
    pixels = np.arange(SIZE)
    lower = eye[(pixels - whole[..., None]) % SIZE]
    upper = eye[(pixels - whole[..., None] - 1) % SIZE]
    shifted: NDArray[np.float32] = ((1 - part) * lower + part * upper).astype(np.float32)
    return shifted


@cache
def held_out() -> Films:
    """The held-out films.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    return films(digits.train_and_held_out()[1], HELD_OUT_FILMS, np.random.default_rng(HELD_OUT_SEED))
