"""Kernels over rows: reductions, softmax, normalisation. Operands begin with x, y, rows, elements of a row.

The lanes that a row of y is written too far fall on the next row, which is written later.
"""

from __future__ import annotations

import math
from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, inline_sum, kernel
from edgernn.runtime.kernels.functions import exp
from edgernn.runtime.kernels.lanes import load, store
from edgernn.runtime.kernels.memory import floats, ints, real
from edgernn.runtime.kernels.vectors import LANES

L = LANES
OK = numba.int32(0)
ROW_BYTES = 4
LOWEST = -3.4e38


@inline_sum
def _sum(x: Any, n: Any) -> Any:
    total = numba.float32(0.0)
    for k in range(n):
        total += x[k]
    return total


@inline_sum
def _sum_of_squares(x: Any, n: Any, mean: Any) -> Any:
    """Squares of the distances from ``mean``."""
    total = numba.float32(0.0)
    for k in range(n):
        total += (x[k] - mean) * (x[k] - mean)
    return total


@inline
def _greatest(x: Any, n: Any) -> Any:
    """NaN if there is one."""
    best = x[0]
    for k in range(1, n):
        value = x[k]
        if value > best or value != value:
            best = value
    return best


@inline
def _least(x: Any, n: Any) -> Any:
    best = x[0]
    for k in range(1, n):
        value = x[k]
        if value < best or value != value:
            best = value
    return best


@kernel
def reduce_sum(record: Any) -> Any:
    """One more operand: the factor of the sum."""
    y, n, factor = floats(record[1]), record[3], real(record[4])
    for row in range(record[2]):
        y[row] = _sum(floats(record[0] + ROW_BYTES * row * n), n) * factor
    return OK


@kernel
def reduce_max(record: Any) -> Any:
    """Greatest element of each row."""
    y, n = floats(record[1]), record[3]
    for row in range(record[2]):
        y[row] = _greatest(floats(record[0] + ROW_BYTES * row * n), n)
    return OK


@kernel
def reduce_min(record: Any) -> Any:
    """Least element of each row."""
    y, n = floats(record[1]), record[3]
    for row in range(record[2]):
        y[row] = _least(floats(record[0] + ROW_BYTES * row * n), n)
    return OK


@inline
def _exponentials(x: Any, y: Any, n: Any, shift: Any) -> Any:
    """y = exp(x - shift); their sum."""
    for k in range(0, n, L):
        store(y, k, exp(load(x, k) - shift))
    return _sum(y, n)


@kernel
def softmax(record: Any) -> Any:
    """exp(x - max) / sum of these."""
    n = record[3]
    for row in range(record[2]):
        x, y = floats(record[0] + ROW_BYTES * row * n), floats(record[1] + ROW_BYTES * row * n)
        total = _exponentials(x, y, n, _greatest(x, n))
        for k in range(0, n, L):
            store(y, k, load(y, k) / total)
    return OK


@kernel
def masked_softmax(record: Any) -> Any:
    """As ``softmax``, of the elements whose mask is not 0. One more operand: the mask."""
    n, mask = record[3], ints(record[4])
    for row in range(record[2]):
        x, y = floats(record[0] + ROW_BYTES * row * n), floats(record[1] + ROW_BYTES * row * n)
        top = numba.float32(LOWEST)
        for k in range(n):
            top = max(top, x[k]) if mask[k] != 0 else top
        for k in range(n):
            y[k] = x[k] if mask[k] != 0 else top
        _exponentials(y, y, n, top)
        for k in range(n):
            y[k] = y[k] if mask[k] != 0 else numba.float32(0.0)
        total = _sum(y, n)
        for k in range(n):
            y[k] /= total
    return OK


@kernel
def log_softmax(record: Any) -> Any:
    """x - max - log(sum of exp(x - max))."""
    n = record[3]
    for row in range(record[2]):
        x, y = floats(record[0] + ROW_BYTES * row * n), floats(record[1] + ROW_BYTES * row * n)
        shift = _greatest(x, n)
        log_total = numba.float32(math.log(_exponentials(x, y, n, shift)))
        for k in range(0, n, L):
            store(y, k, (load(x, k) - shift) - log_total)
    return OK


@kernel
def layer_norm(record: Any) -> Any:
    """(x - mean) / sqrt(variance + eps) * gamma + beta. More operands: gamma, beta, eps."""
    n, gamma, beta, eps = record[3], floats(record[4]), floats(record[5]), real(record[6])
    share = numba.float32(1.0) / numba.float32(n)
    for row in range(record[2]):
        x, y = floats(record[0] + ROW_BYTES * row * n), floats(record[1] + ROW_BYTES * row * n)
        mean = _sum(x, n) * share
        factor = numba.float32(1.0) / math.sqrt(_sum_of_squares(x, n, mean) * share + eps)
        for k in range(0, n, L):
            store(y, k, (load(x, k) - mean) * factor * load(gamma, k) + load(beta, k))
    return OK


@kernel
def reduce_integers(record: Any) -> Any:
    """Of int32. One more operand: 0 for the sum, 1 for the greatest, 2 for the least element."""
    n, y, kind = record[3], ints(record[1]), record[4]
    for row in range(record[2]):
        x = ints(record[0] + ROW_BYTES * row * n)
        result = x[0]
        for k in range(1, n):
            if kind == 0:
                result = numba.int32(result + x[k])
            elif (kind == 1 and x[k] > result) or (kind == 2 and x[k] < result):
                result = x[k]
        y[row] = result
    return OK
