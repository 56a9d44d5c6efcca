"""Matrix products and the recurrent cells.

Weights stand as [block of LANES rows][column][gate][lane], columns of the input before those of the state, so
that a step reads them once, in order, while the sums stay in registers. Rows are filled up with zeros.
"""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.functions import sigmoid, tanh
from edgernn.runtime.kernels.lanes import LANES, at_least, load, multiply_add, splat, store
from edgernn.runtime.kernels.memory import floats

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


@kernel
def affine_rows(record: Any) -> Any:
    """y = x @ w.T + bias of many rows.

    Operands: x, rows, columns of x, weights, biases, y, columns of y, blocks.

    The spare lanes at the end of a row of y fall on the next row, which is written later.
    """
    x, rows, n_x = floats(record[0]), record[1], record[2]
    w, bias, y, n_y, blocks = floats(record[3]), floats(record[4]), floats(record[5]), record[6], record[7]
    for row in range(rows):
        for block in range(blocks):
            s = _add_rows_products(w, block * n_x * L, x, row * n_x, n_x, load(bias, block * L))
            store(y, row * n_y + block * L, s)
    return OK


@inline
def _add_rows_products(w: Any, at: Any, x: Any, start: Any, n: Any, a: Any) -> Any:
    for k in range(n):
        a = multiply_add(load(w, at + k * L), splat(x[start + k]), a)
    return a


@kernel
def matrix_product(record: Any) -> Any:
    """y = a @ b.

    Operands: a, b, y, products, M, K, N, elements of a and of b from one product to the next.
    """
    lead, m_size, k_size, n_size = record[3], record[4], record[5], record[6]
    for p in range(lead):
        a, b = floats(record[0] + 4 * p * record[7]), floats(record[1] + 4 * p * record[8])
        y = floats(record[2] + 4 * p * m_size * n_size)
        for m in range(m_size):
            for n in range(0, n_size, L):
                s = splat(0.0)
                for k in range(k_size):
                    s = multiply_add(load(b, k * n_size + n), splat(a[m * k_size + k]), s)
                store(y, m * n_size + n, s)
    return OK
