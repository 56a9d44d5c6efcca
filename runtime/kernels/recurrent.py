"""Matrix products and the recurrent cells.

Weights stand as [block of LANES rows][column][gate][lane], columns of the input before those of the state, so
that a step reads them once, in order, while the sums stay in registers. Rows are filled up with zeros.
"""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.functions import sigmoid, tanh
from edgernn.runtime.kernels.lanes import at_least, load, multiply_add, splat, store
from edgernn.runtime.kernels.memory import floats
from edgernn.runtime.kernels.vectors import LANES

L = LANES
OK = numba.int32(0)
ACTIVATIONS = ("none", "tanh", "relu")
TANH, RELU = 1, 2


@inline
def _add_products_4(w: Any, at: Any, x: Any, n: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    for k in range(n):
        s, q = splat(x[k]), at + k * (4 * L)
        a = multiply_add(load(w, q), s, a)
        b = multiply_add(load(w, q + L), s, b)
        c = multiply_add(load(w, q + 2 * L), s, c)
        d = multiply_add(load(w, q + 3 * L), s, d)
    return a, b, c, d


@inline
def _add_products_3(w: Any, at: Any, x: Any, n: Any, a: Any, b: Any, c: Any) -> Any:
    for k in range(n):
        s, q = splat(x[k]), at + k * (3 * L)
        a = multiply_add(load(w, q), s, a)
        b = multiply_add(load(w, q + L), s, b)
        c = multiply_add(load(w, q + 2 * L), s, c)
    return a, b, c


@inline
def _add_products(w: Any, at: Any, x: Any, n: Any, a: Any) -> Any:
    """Four partial sums, so that additions need not wait for each other."""
    b = c = d = splat(0.0)
    whole = n - n % 4
    for k in range(0, whole, 4):
        q = at + k * L
        a = multiply_add(load(w, q), splat(x[k]), a)
        b = multiply_add(load(w, q + L), splat(x[k + 1]), b)
        c = multiply_add(load(w, q + 2 * L), splat(x[k + 2]), c)
        d = multiply_add(load(w, q + 3 * L), splat(x[k + 3]), d)
    for k in range(whole, n):
        a = multiply_add(load(w, at + k * L), splat(x[k]), a)
    return (a + b) + (c + d)


@kernel
def lstm(record: Any) -> Any:
    """Gates i f g o. Operands: x, size of x, h, size of h, c, weights, biases, next h, next c, blocks."""
    x, n_x, h, n_h = floats(record[0]), record[1], floats(record[2]), record[3]
    c, w, bias = floats(record[4]), floats(record[5]), floats(record[6])
    h_next, c_next = floats(record[7]), floats(record[8])
    at = 0
    for block in range(record[9]):
        b, u = block * 4 * L, block * L
        i, f, g, o = load(bias, b), load(bias, b + L), load(bias, b + 2 * L), load(bias, b + 3 * L)
        i, f, g, o = _add_products_4(w, at, x, n_x, i, f, g, o)
        i, f, g, o = _add_products_4(w, at + n_x * 4 * L, h, n_h, i, f, g, o)
        at += (n_x + n_h) * 4 * L
        cell = multiply_add(sigmoid(f), load(c, u), sigmoid(i) * tanh(g))
        store(c_next, u, cell)
        store(h_next, u, sigmoid(o) * tanh(cell))
    return OK


@kernel
def gru(record: Any) -> Any:
    """Gates r z n. Operands: x, size of x, h, size of h, weights, biases r z n_x n_h, next h, blocks."""
    x, n_x, h, n_h = floats(record[0]), record[1], floats(record[2]), record[3]
    w, bias, h_next = floats(record[4]), floats(record[5]), floats(record[6])
    at = 0
    for block in range(record[7]):
        b, u = block * 4 * L, block * L
        r, z, n, m = load(bias, b), load(bias, b + L), load(bias, b + 2 * L), load(bias, b + 3 * L)
        r, z, n = _add_products_3(w, at, x, n_x, r, z, n)
        r, z, m = _add_products_3(w, at + n_x * 3 * L, h, n_h, r, z, m)
        at += (n_x + n_h) * 3 * L
        n = tanh(multiply_add(sigmoid(r), m, n))
        store(h_next, u, multiply_add(sigmoid(z), load(h, u) - n, n))
    return OK


@kernel
def affine(record: Any) -> Any:
    """activation(w @ [x; h] + bias).

    Operands: x, size of x, h, size of h (0: none), weights, biases, y, blocks, activation.
    """
    x, n_x, h, n_h = floats(record[0]), record[1], floats(record[2]), record[3]
    w, bias, y, activation = floats(record[4]), floats(record[5]), floats(record[6]), record[8]
    at = 0
    for block in range(record[7]):
        s = _add_products(w, at, x, n_x, load(bias, block * L))
        s = _add_products(w, at + n_x * L, h, n_h, s)
        at += (n_x + n_h) * L
        if activation == TANH:
            s = tanh(s)
        elif activation == RELU:
            s = at_least(s, 0.0)
        store(y, block * L, s)
    return OK


@inline
def _four_products(w: Any, at: Any, step: Any, x: Any, stride: Any, n: Any, bias: Any) -> Any:
    """Sums of ``n`` vectors of w, ``step`` apart, times the elements of four rows of x, ``stride`` apart."""
    a = b = c = d = bias
    for k in range(n):
        v = load(w, at + k * step)
        a = multiply_add(v, splat(x[k]), a)
        b = multiply_add(v, splat(x[k + stride]), b)
        c = multiply_add(v, splat(x[k + 2 * stride]), c)
        d = multiply_add(v, splat(x[k + 3 * stride]), d)
    return a, b, c, d


@inline
def _one_product(w: Any, at: Any, step: Any, x: Any, n: Any, a: Any) -> Any:
    for k in range(n):
        a = multiply_add(load(w, at + k * step), splat(x[k]), a)
    return a


@kernel
def affine_rows(record: Any) -> Any:
    """y = x @ w.T + bias of many rows.

    Operands: x, rows, columns of x, weights, biases, y, columns of y, blocks.

    Lanes of the last block beyond the end of a row fall on the next one: the last block is written first.
    """
    rows, n_x, n_y, blocks = record[1], record[2], record[6], record[7]
    w, bias = floats(record[3]), floats(record[4])
    fours = rows - rows % 4
    for row in range(0, fours, 4):
        x, y = floats(record[0] + 4 * row * n_x), floats(record[5] + 4 * row * n_y)
        for block in range(blocks - 1, -1, -1):
            start, u = load(bias, block * L), block * L
            a, b, c, d = _four_products(w, u * n_x, L, x, n_x, n_x, start)
            store(y, u, a)
            store(y, u + n_y, b)
            store(y, u + 2 * n_y, c)
            store(y, u + 3 * n_y, d)
    for row in range(fours, rows):
        x, y = floats(record[0] + 4 * row * n_x), floats(record[5] + 4 * row * n_y)
        for block in range(blocks - 1, -1, -1):
            store(y, block * L, _one_product(w, block * L * n_x, L, x, n_x, load(bias, block * L)))
    return OK


@kernel
def matrix_product(record: Any) -> Any:
    """y = a @ b.

    Operands: a, b, y, products, M, K, N, elements of a and of b from one product to the next.

    Lanes of the last columns beyond the end of a row fall on the next one: the last columns come first.
    """
    m_size, k_size, n_size = record[4], record[5], record[6]
    fours, last = m_size - m_size % 4, (n_size - 1) // L * L
    for p in range(record[3]):
        a, b = record[0] + 4 * p * record[7], floats(record[1] + 4 * p * record[8])
        target = record[2] + 4 * p * m_size * n_size
        for m in range(0, fours, 4):
            x, y = floats(a + 4 * m * k_size), floats(target + 4 * m * n_size)
            for n in range(last, -1, -L):
                s, t, u, v = _four_products(b, n, n_size, x, k_size, k_size, splat(0.0))
                store(y, n, s)
                store(y, n + n_size, t)
                store(y, n + 2 * n_size, u)
                store(y, n + 3 * n_size, v)
        for m in range(fours, m_size):
            x, y = floats(a + 4 * m * k_size), floats(target + 4 * m * n_size)
            for n in range(last, -1, -L):
                store(y, n, _one_product(b, n, n_size, x, k_size, splat(0.0)))
    return OK
