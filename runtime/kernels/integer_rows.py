"""Kernels over rows of integer models. Operands begin with x, y, rows, elements of a row."""

from __future__ import annotations

import math
from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.memory import ints, shorts, words

OK = numba.int32(0)
LN2_Q15 = 22713
REDUCTIONS = ("sum", "max", "min")
SUM, MAX = 0, 1


@inline
def sat16(v: Any) -> Any:
    return min(max(v, -32768), 32767)


@inline
def _root(n: Any) -> Any:
    """floor(sqrt(n)) for 0 <= n < 2^63."""
    r = numba.int64(math.sqrt(numba.float64(n)))
    while r * r > n:
        r -= 1
    while (r + 1) * (r + 1) <= n:
        r += 1
    return r


@inline
def _bits(n: Any) -> Any:
    """Bits of ``n`` without leading zeros."""
    count = 0
    while n > 0:
        n >>= 1
        count += 1
    return count


@inline
def line(lines: Any, v: Any) -> Any:
    """The piecewise linear function of ``v``, an int16; ``lines`` are (value, slope)."""
    at = 2 * ((v >> 8) + 128)
    return numba.int64(lines[at]) + ((numba.int64(lines[at + 1]) * (v & 255)) >> 8)


@kernel
def layer_norm_int16(record: Any) -> Any:
    """The formula of LayerNormInt16. More operands: gains, biases, epsilon, place for a row of int64."""
    n, gain, bias, d = record[3], ints(record[4]), ints(record[5]), words(record[7])
    for row in range(record[2]):
        x, y = shorts(record[0] + 2 * row * n), shorts(record[1] + 2 * row * n)
        total = numba.int64(0)
        for k in range(n):
            total += x[k]
        squares = numba.int64(0)
        for k in range(n):
            d[k] = n * x[k] - total
            squares += d[k] * d[k]
        root = max(_root(squares // n + record[6]), 1)
        e = _bits(root)
        inverse = (1 << (30 + e)) // root
        for k in range(n):
            t = (d[k] * inverse + (1 << (17 + e))) >> (18 + e)
            y[k] = sat16(bias[k] + ((t * gain[k] + (1 << 19)) >> 20))
    return OK


@inline
def _greatest(x: Any, n: Any) -> Any:
    best = numba.int64(x[0])
    for k in range(1, n):
        best = max(best, numba.int64(x[k]))
    return best


@inline
def _exponentials(x: Any, y: Any, n: Any, top: Any, multiplier: Any, shift: Any, lines: Any) -> Any:
    """y = exp(x - top) in Q0.15; their sum."""
    total, half = numba.int64(0), 1 << (shift - 1)
    for k in range(n):
        u = min(((top - x[k]) * multiplier + half) >> shift, 65535)
        e = line(lines, u - 32768)
        y[k] = e
        total += e
    return total


@kernel
def softmax_int16(record: Any) -> Any:
    """The formula of SoftmaxInt16. More operands: multiplier, shift, lines of exp(-u)."""
    n, lines = record[3], shorts(record[6])
    for row in range(record[2]):
        x, y = shorts(record[0] + 2 * row * n), shorts(record[1] + 2 * row * n)
        total = _exponentials(x, y, n, _greatest(x, n), record[4], record[5], lines)
        for k in range(n):
            y[k] = min(((numba.int64(y[k]) << 15) + (total >> 1)) // total, 32767)
    return OK


@kernel
def masked_softmax_int16(record: Any) -> Any:
    """The formula of MaskedSoftmaxInt16. More operands: multiplier, shift, lines of exp(-u), mask."""
    n, lines, mask = record[3], shorts(record[6]), ints(record[7])
    for row in range(record[2]):
        x, y = shorts(record[0] + 2 * row * n), shorts(record[1] + 2 * row * n)
        top = numba.int64(-32768)
        for k in range(n):
            top = max(top, numba.int64(x[k])) if mask[k] != 0 else top
        for k in range(n):
            y[k] = x[k] if mask[k] != 0 else top
        _exponentials(y, y, n, top, record[4], record[5], lines)
        total = numba.int64(0)
        for k in range(n):
            y[k] = y[k] if mask[k] != 0 else 0
            total += y[k]
        total = max(total, 1)
        rest = total >> 1
        for k in range(n):
            rest += numba.int64(y[k]) << 15
            y[k] = min(rest // total, 32767)
            rest %= total
    return OK


@kernel
def log_softmax_int16(record: Any) -> Any:
    """The formula of LogSoftmaxInt16. More operands: multiplier, shift, lines of exp(-u), gain, gain of the
    logarithm, lines of log(1 + f)."""
    n, lines = record[3], shorts(record[6])
    for row in range(record[2]):
        x, y = shorts(record[0] + 2 * row * n), shorts(record[1] + 2 * row * n)
        top = _greatest(x, n)
        total = _exponentials(x, y, n, top, record[4], record[5], lines)
        exponent = _bits(total) - 1
        fraction = ((total << 16) >> exponent) - (1 << 16)
        log = line(shorts(record[9]), fraction - 32768) + (exponent - 15) * LN2_Q15
        for k in range(n):
            y[k] = sat16(((x[k] - top) * record[7] - log * record[8] + (1 << 15)) >> 16)
    return OK


@kernel
def log_power_int16(record: Any) -> Any:
    """The formula of LogPowerInt16 for operands a, y, frames, bins. More: b, weights, starts, lengths, bands, offset,
    floor, gain, bias, lines of log(1 + f)."""
    bins, bands = record[3], record[8]
    starts, lengths, lines = ints(record[6]), ints(record[7]), shorts(record[13])
    for row in range(record[2]):
        a, b = shorts(record[0] + 2 * row * bins), shorts(record[4] + 2 * row * bins)
        y = shorts(record[1] + 2 * row * bands)
        weights = shorts(record[5])
        first = 0
        for band in range(bands):
            power = numba.int64(record[9])
            for k in range(lengths[band]):
                real, imaginary = numba.int64(a[starts[band] + k]), numba.int64(b[starts[band] + k])
                power += (real * real + imaginary * imaginary) * weights[first + k]
            first += lengths[band]
            power = max(power, record[10])
            exponent = _bits(power) - 1
            mantissa = power >> (exponent - 16) if exponent > 16 else power << (16 - exponent)
            log = line(lines, mantissa - (1 << 16) - (1 << 15)) + exponent * LN2_Q15
            y[band] = sat16((log * record[11] + record[12] + (1 << 23)) >> 24)
    return OK


@kernel
def reduce_int16(record: Any) -> Any:
    """More operands: number in REDUCTIONS, multiplier of a sum."""
    n, y, kind = record[3], shorts(record[1]), record[4]
    for row in range(record[2]):
        x = shorts(record[0] + 2 * row * n)
        result = numba.int64(x[0])
        for k in range(1, n):
            value = numba.int64(x[k])
            if kind == SUM:
                result += value
            elif kind == MAX:
                result = max(result, value)
            else:
                result = min(result, value)
        if kind == SUM:
            result = sat16((result * record[5] + (1 << 31)) >> 32)
        y[row] = result
    return OK
