"""int8 matrices whose entries fit four bits, stored two entries a byte.

Whether a matrix is stored so follows from its content alone: programs and fingerprints know int8 only.
"""

from __future__ import annotations

import math

import numpy as np

from edgernn.ir.op import Array

LOWEST, HIGHEST = -8, 7
OFFSET = 8
"""Stored is entry + OFFSET, 0 to 15."""


def fits(array: Array) -> bool:
    """Whether ``array`` is an int8 matrix with entries in -8..7."""
    if array.dtype != np.int8 or array.ndim != 2 or array.size == 0:
        return False
    return bool(array.min() >= LOWEST and array.max() <= HIGHEST)


def pack(array: Array) -> Array:
    """Entries in C order as uint8, the first of two in the low half of a byte; a last one alone is followed by 0."""
    entries = (array.reshape(-1).astype(np.int16) + OFFSET).astype(np.uint8)
    entries = np.pad(entries, (0, entries.size % 2))
    packed: Array = entries[0::2] | entries[1::2] << 4
    return packed


def unpack(packed: Array, shape: tuple[int, ...]) -> Array:
    """What ``pack`` was given. Raises ValueError for bytes that it does not make."""
    size = math.prod(shape)
    if packed.dtype != np.uint8 or packed.shape != ((size + 1) // 2,) or len(shape) != 2:
        raise ValueError(f"{packed.shape} of {packed.dtype} cannot hold a matrix {shape} of four-bit numbers")
    if size % 2 and packed[-1] >> 4:
        raise ValueError("the half of a byte after the last number is not zero")
    entries = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:size]
    array: Array = (entries.astype(np.int8) - np.int8(OFFSET)).reshape(shape)
    return array


def stored_bytes(array: Array) -> int:
    """Bytes of an array in a file."""
    return (array.size + 1) // 2 if fits(array) else array.nbytes
