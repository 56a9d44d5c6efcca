"""Kernels of integer statistics over time: the formulas of RunningInt16. Operands begin with x, y, elements."""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.integer_rows import OK, line, sat16
from edgernn.runtime.kernels.memory import ints, shorts

MOST_FRAMES = 1 << 24
MOST_SUM = (1 << 47) - 1
MOST_WEIGHT = 1 << 30


@inline
def _joined(high: Any, low: Any) -> Any:
    return numba.int64(high) * 65536 + low


@kernel
def running_sum_int16(record: Any) -> Any:
    """More operands: high, low, multiplier, shift, next high, next low."""
    x, y, high, low = shorts(record[0]), shorts(record[1]), ints(record[3]), ints(record[4])
    multiplier, shift, high_next, low_next = record[5], record[6], ints(record[7]), ints(record[8])
    for k in range(record[2]):
        total = min(max(_joined(high[k], low[k]) + x[k], -MOST_SUM), MOST_SUM)
        y[k] = sat16((total * multiplier + (1 << (shift - 1))) >> shift)
        high_next[k], low_next[k] = total >> 16, total & 65535
    return OK


@kernel
def running_mean_int16(record: Any) -> Any:
    """More operands: high, low, count, multiplier, shift, next high, next low, next count."""
    x, y, high, low, before = shorts(record[0]), shorts(record[1]), ints(record[3]), ints(record[4]), ints(record[5])[0]
    multiplier, shift, high_next, low_next = record[6], record[7], ints(record[8]), ints(record[9])
    frames = min(numba.int64(before) + 1, MOST_FRAMES)
    half = frames << shift
    for k in range(record[2]):
        total = _joined(high[k], low[k])
        if before >= MOST_FRAMES:
            total -= total // before
        total += x[k]
        y[k] = sat16((2 * total * multiplier + half) // (2 * half))
        high_next[k], low_next[k] = total >> 16, total & 65535
    ints(record[10])[0] = frames
    return OK


@inline
def _decay(d: Any, multiplier: Any, shift: Any, lines: Any) -> Any:
    """exp(-d) in Q0.15, 2^15 for 0."""
    u = min((min(d, 65535) * multiplier + (1 << (shift - 1))) >> shift, 65535)
    return numba.int64(32768) if d == 0 else line(lines, u - 32768)


@kernel
def running_weights_int16(record: Any) -> Any:
    """Of scores (first operand): the share of the current frame (second), elements, weights, largest, multiplier,
    shift, log 2, lines of exp(-u), next weights, next largest scores."""
    score, ratio, total, top = shorts(record[0]), ints(record[1]), ints(record[3]), ints(record[4])
    multiplier, shift, log_two, lines = record[5], record[6], record[7], shorts(record[8])
    total_next, top_next = ints(record[9]), ints(record[10])
    for k in range(record[2]):
        highest = max(numba.int64(top[k]), numba.int64(score[k]))
        weight = _decay(highest - score[k], multiplier, shift, lines)
        kept = numba.int64(total[k]) * _decay(highest - top[k], multiplier, shift, lines)
        after = ((kept + (1 << 14)) >> 15) + weight
        ratio[k] = (weight << 30) // after
        large = after > MOST_WEIGHT
        total_next[k] = after >> 1 if large else after
        top_next[k] = highest + log_two if large else highest
    return OK


@kernel
def running_softmax_int16(record: Any) -> Any:
    """More operands: share of each element, mean, multiplier, shift, next mean."""
    x, y, ratio, mean = shorts(record[0]), shorts(record[1]), ints(record[3]), ints(record[4])
    multiplier, shift, mean_next = record[5], record[6], ints(record[7])
    for k in range(record[2]):
        away = numba.int64(x[k]) * 32768 - mean[k]
        after = mean[k] + ((away * ratio[k] + (1 << 29)) >> 30)
        mean_next[k] = after
        y[k] = sat16((after * multiplier + (1 << (shift - 1))) >> shift)
    return OK
