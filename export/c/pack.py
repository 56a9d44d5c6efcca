"""Weights in the order in which the kernels read them (see ``runtime/csrc/ern.h``)."""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array


def padded(array: Array, axis: int, multiple: int) -> Array:
    """``array`` with zeros appended along ``axis`` up to a multiple."""
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, width)


def pack_lstm(w_ih: Array, w_hh: Array, bias: Array, lanes: int) -> Array:
    """(4H, I), (4H, P), (4H) with gates i f g o -> for each block of ``lanes`` units [bias, x,
    h][gate][lane].
    """
    rows = np.concatenate([bias[:, None], w_ih, w_hh], axis=1)
    gates = padded(rows.reshape(4, -1, rows.shape[1]), 1, lanes)
    blocks = gates.reshape(4, -1, lanes, rows.shape[1])
    return blocks.transpose(1, 3, 0, 2).ravel()


def pack_gru(w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, lanes: int) -> Array:
    """(3H, I), (3H, H), (3H), (3H) with gates r z n -> for each block of ``lanes`` units
    [bias r, bias z, bias n of x, bias n of h][lane], then [x, h][gate][lane]."""
    weights = np.concatenate([w_ih, w_hh], axis=1)
    gates = padded(weights.reshape(3, -1, weights.shape[1]), 1, lanes)
    blocks = gates.reshape(3, -1, lanes, weights.shape[1]).transpose(1, 3, 0, 2)
    (r_x, z_x, n_x), (r_h, z_h, n_h) = b_ih.reshape(3, -1), b_hh.reshape(3, -1)
    biases = padded(np.stack([r_x + r_h, z_x + z_h, n_x, n_h]), 1, lanes)
    leads = biases.reshape(4, -1, lanes).transpose(1, 0, 2)
    return np.concatenate([leads.reshape(len(leads), -1), blocks.reshape(len(blocks), -1)], axis=1).ravel()


def pack_rows(weight: Array, bias: Array, lanes: int) -> Array:
    """(O, K), (O) -> groups of 4 ``lanes`` rows, then of ``lanes`` rows, the last one padded; each [bias,
    x][row].
    """
    rows = np.concatenate([bias[:, None], weight], axis=1)
    whole = len(rows) // (4 * lanes) * 4 * lanes
    large = rows[:whole].reshape(-1, 4 * lanes, rows.shape[1])
    small = padded(rows[whole:], 0, lanes).reshape(-1, lanes, rows.shape[1])
    return np.concatenate([large.transpose(0, 2, 1).ravel(), small.transpose(0, 2, 1).ravel()])
