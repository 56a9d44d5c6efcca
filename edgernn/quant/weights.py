"""Integer weights: one scale for each row."""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array

ACC_LIMIT = (1 << 31) - 1
X_MAX = 32768


def row_scales(w: Array, levels: int) -> Array:
    """Largest magnitude of each row over ``levels`` (127 for int8, 7 for int4); tiny where a row is zero."""
    scales: Array = np.maximum(np.abs(w).max(axis=1), 1e-12) / levels
    return scales


def rounded(w: Array, scales: Array, levels: int) -> Array:
    """``w`` in units of its rows' scales, as int8."""
    return np.clip(np.round(w / scales[:, None]), -levels, levels).astype(np.int8)


def fits_int32(*matrices: Array) -> bool:
    """Whether no sum of products of a row (of all ``matrices`` together) with int16 values can leave int32.

    The bound is sum|w| * 32768, which every partial sum obeys too.
    """
    total = sum(np.abs(m.astype(np.int64)).sum(axis=1) for m in matrices)
    return bool((np.asarray(total) * X_MAX <= ACC_LIMIT).all())
