"""Integer weights: one scale for each row."""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array

ACC_LIMIT = (1 << 31) - 1
X_MAX = 32768
SEARCH_STEPS = 41
SEARCH_LOWEST = {127: 0.8, 7: 0.4}
"""Levels -> the least scale that is tried, as a share of the largest."""


def row_scales(w: Array, levels: int) -> Array:
    """Largest magnitude of each row over ``levels`` (127 for int8, 7 for int4); tiny where a row is zero."""
    scales: Array = np.maximum(np.abs(w).max(axis=1), 1e-30) / levels
    return scales


def best_scales(w: Array, levels: int, steps: int = SEARCH_STEPS) -> Array:
    """Of scales below that of ``row_scales``, for each row the one that makes the squared error of rounding and
    clipping least."""
    largest = row_scales(w, levels)
    best, least = largest.copy(), np.full(len(w), np.inf)
    for factor in np.linspace(1.0, SEARCH_LOWEST[levels], steps):
        scales = largest * factor
        units = np.clip(np.round(w / scales[:, None]), -levels, levels)
        error = np.square(units * scales[:, None] - w).sum(axis=1)
        better = error < least
        best[better], least[better] = scales[better], error[better]
    return best


def rounded(w: Array, scales: Array, levels: int) -> Array:
    """``w`` in units of its rows' scales, as int8."""
    return np.clip(np.round(w / scales[:, None]), -levels, levels).astype(np.int8)


def fits_int32(*matrices: Array) -> bool:
    """Whether no sum of products of a row (of all ``matrices`` together) with int16 values can leave int32.

    The bound is sum|w| * 32768, which every partial sum obeys too.
    """
    total = sum(np.abs(m.astype(np.int64)).sum(axis=1) for m in matrices)
    return bool((np.asarray(total) * X_MAX <= ACC_LIMIT).all())
