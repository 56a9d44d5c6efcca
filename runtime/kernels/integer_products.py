"""Matrix products and recurrent cells of integer models: docs/integer-arithmetic.md.

Weights stand as [block of LANES rows][pair of columns][gate], see ``integer_lanes.pack_rows``, pairs of the input
before those of the state; multipliers and biases as [block][gate][lane]. A column beyond the last has the weight
0: what stands beyond the end of x and h does not matter.
"""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.integer_lanes import (
    add_pair,
    greatest,
    load,
    load_shorts,
    look_up,
    pair_of,
    requantize,
    sat16,
    spread,
    store_shorts,
)  # fmt: skip
from edgernn.runtime.kernels.memory import ints, octets, shorts
from edgernn.runtime.kernels.vectors import LANES

L = LANES
PAIR = 2 * L
"""Bytes of a pair of columns of one block of rows of one gate."""

OK = numba.int32(0)
ACTIVATIONS = ("none", "tanh", "relu")
TANH, RELU = 1, 2


@inline
def _add_4(w: Any, at: Any, x: Any, pairs: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    for k in range(pairs):
        s, q = pair_of(x, 2 * k), at + k * (4 * PAIR)
        a = add_pair(a, w, q, s)
        b = add_pair(b, w, q + PAIR, s)
        c = add_pair(c, w, q + 2 * PAIR, s)
        d = add_pair(d, w, q + 3 * PAIR, s)
    return a, b, c, d


@inline
def _add_3(w: Any, at: Any, x: Any, pairs: Any, a: Any, b: Any, c: Any) -> Any:
    for k in range(pairs):
        s, q = pair_of(x, 2 * k), at + k * (3 * PAIR)
        a = add_pair(a, w, q, s)
        b = add_pair(b, w, q + PAIR, s)
        c = add_pair(c, w, q + 2 * PAIR, s)
    return a, b, c


@inline
def _add_1(w: Any, at: Any, x: Any, pairs: Any, a: Any) -> Any:
    for k in range(pairs):
        a = add_pair(a, w, at + k * PAIR, pair_of(x, 2 * k))
    return a


@inline
def _requantized(acc: Any, multiplier: Any, bias: Any, at: Any, shift: Any) -> Any:
    return sat16(requantize(acc << shift, load(multiplier, at), load(bias, at)))


@kernel
def lstm_int16(record: Any) -> Any:
    """Gates i f g o.

    Operands: x, pairs of x, h, pairs of h, c, weights, multipliers, biases, sigmoid and tanh lines, next h, next
    c, blocks, 15 - fraction bits of c, shifts left and right of c to Q3.12, shift of o * t, half of its unit, shift
    of the sums to the left.
    """
    x, n_x, h, n_h = shorts(record[0]), record[1], shorts(record[2]), record[3]
    c, w, m, bias = shorts(record[4]), octets(record[5]), ints(record[6]), ints(record[7])
    sigmoid, tanh = ints(record[8]), ints(record[9])
    h_next, c_next, up = shorts(record[10]), shorts(record[11]), record[18]
    at = 0
    for block in range(record[12]):
        v, u, zero = block * 4 * L, block * L, spread(0)
        i, f, g, o = _add_4(w, at, x, n_x, zero, zero, zero, zero)
        i, f, g, o = _add_4(w, at + n_x * 4 * PAIR, h, n_h, i, f, g, o)
        at += (n_x + n_h) * 4 * PAIR
        i = look_up(sigmoid, _requantized(i, m, bias, v, up))
        f = look_up(sigmoid, _requantized(f, m, bias, v + L, up))
        g = look_up(tanh, _requantized(g, m, bias, v + 2 * L, up))
        o = look_up(sigmoid, _requantized(o, m, bias, v + 3 * L, up))
        cell = sat16((f * load_shorts(c, u) + ((i * g) >> record[13]) + (1 << 14)) >> 15)
        wave = look_up(tanh, sat16((cell << record[14]) >> record[15]))
        store_shorts(c_next, u, cell)
        store_shorts(h_next, u, sat16((o * wave + record[17]) >> record[16]))
    return OK


@kernel
def halved_int16(record: Any) -> Any:
    """round(x / 2^shift) by shifts. Operands: x, y, count, shift, half of its unit."""
    x, y = shorts(record[0]), shorts(record[1])
    for k in range(0, record[2], L):
        store_shorts(y, k, (load_shorts(x, k) + record[4]) >> record[3])
    return OK


@kernel
def gru_int16(record: Any) -> Any:
    """Gates r z n.

    Operands: x, pairs of x, h, h as it is multiplied, pairs of h, weights, multipliers and biases r z n_x n_h,
    sigmoid and tanh lines, next h, blocks, shift of the sums to the left.
    """
    x, n_x, h, k, n_k = shorts(record[0]), record[1], shorts(record[2]), shorts(record[3]), record[4]
    w, m, bias = octets(record[5]), ints(record[6]), ints(record[7])
    sigmoid, tanh, h_next, up = ints(record[8]), ints(record[9]), shorts(record[10]), record[12]
    at = 0
    for block in range(record[11]):
        v, u, zero = block * 4 * L, block * L, spread(0)
        r, z, n_x_sum = _add_3(w, at, x, n_x, zero, zero, zero)
        r, z, n_h_sum = _add_3(w, at + n_x * 3 * PAIR, k, n_k, r, z, zero)
        at += (n_x + n_k) * 3 * PAIR
        r = look_up(sigmoid, _requantized(r, m, bias, v, up))
        z = look_up(sigmoid, _requantized(z, m, bias, v + L, up))
        drive = _requantized(n_x_sum, m, bias, v + 2 * L, up)
        recurrent = _requantized(n_h_sum, m, bias, v + 3 * L, up)
        n = look_up(tanh, sat16(drive + ((r * recurrent) >> 15)))
        store_shorts(h_next, u, (z * load_shorts(h, u) + ((1 << 15) - z) * n + (1 << 14)) >> 15)
    return OK


@kernel
def affine_int16(record: Any) -> Any:
    """activation(sat16(requantize(w @ [x; h])).

    Operands: x, pairs of x, h, pairs of h (0: none), weights, multipliers, biases, y, blocks, activation, tanh
    lines, shift of the result of tanh, half of its unit, shift of the sums to the left.
    """
    x, n_x, h, n_h = shorts(record[0]), record[1], shorts(record[2]), record[3]
    w, m, bias, y = octets(record[4]), ints(record[5]), ints(record[6]), shorts(record[7])
    activation, tanh = record[9], ints(record[10])
    at = 0
    for block in range(record[8]):
        s = _add_1(w, at, x, n_x, spread(0))
        s = _add_1(w, at + n_x * PAIR, h, n_h, s)
        at += (n_x + n_h) * PAIR
        s = _requantized(s, m, bias, block * L, record[13])
        if activation == TANH:
            s = sat16((look_up(tanh, s) + record[12]) >> record[11])
        elif activation == RELU:
            s = greatest(s, 0)
        store_shorts(y, block * L, s)
    return OK


@kernel
def affine_rows_int16(record: Any) -> Any:
    """sat16(requantize(x @ w.T)) of many rows.

    Operands: x, rows, columns of x, weights, multipliers, biases, y, columns of y, blocks, shift of the sums to the
    left.

    Lanes of the last block beyond the end of a row fall on the next one, which is written later.
    """
    n_x, n_y, blocks = record[2], record[7], record[8]
    w, m, bias, pairs = octets(record[3]), ints(record[4]), ints(record[5]), (record[2] + 1) // 2
    for row in range(record[1]):
        x, y = shorts(record[0] + 2 * row * n_x), shorts(record[6] + 2 * row * n_y)
        for block in range(blocks):
            s = _add_1(w, block * pairs * PAIR, x, pairs, spread(0))
            store_shorts(y, block * L, _requantized(s, m, bias, block * L, record[9]))
    return OK


@kernel
def matrix_product_int16(record: Any) -> Any:
    """sat16(((a @ b >> 15) * multiplier + 2^31) >> 32), sums in 64 bits.

    Operands: a, b, y, products, M, K, N, elements of a and of b from one product to the next, multiplier.
    """
    m_size, k_size, n_size, multiplier = record[4], record[5], record[6], record[9]
    for p in range(record[3]):
        a, b = shorts(record[0] + 2 * p * record[7]), shorts(record[1] + 2 * p * record[8])
        y = shorts(record[2] + 2 * p * m_size * n_size)
        for m in range(m_size):
            for n in range(n_size):
                total = numba.int64(0)
                for k in range(k_size):
                    total += numba.int64(a[m * k_size + k]) * numba.int64(b[k * n_size + n])
                scaled = ((total >> 15) * multiplier + (1 << 31)) >> 32
                y[m * n_size + n] = min(max(scaled, -32768), 32767)
    return OK
