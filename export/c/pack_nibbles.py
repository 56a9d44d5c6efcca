"""4-bit weights in the order in which the kernels of scheme int16x4 read them (see ``runtime/csrc/ern.h``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.c.pack import padded
from edgernn.export.c.pack_integer import Packing
from edgernn.ir import nibbles
from edgernn.ir.op import Array

COLUMNS = 4
COLUMNS_DSP = 8
MAX_COLUMNS = 8191
"""Longest row for which sums of (w + 8) x, less 8 times the sum of x, are sure to fit int32 at every step."""


def can_pack(packing: Packing, *matrices: Array) -> bool:
    """Whether these matrices, whose rows are summed together, are packed in four bits: not for Helium and products of
    four columns, whose instructions read bytes."""
    columns = sum(_width(w.shape[1], packing) for w in matrices)
    return packing.simd not in ("helium", "dot") and columns <= MAX_COLUMNS and all(nibbles.fits(w) for w in matrices)


def pack_lstm(w_x: Array, w_h: Array, packing: Packing) -> Array:
    """(4H, I), (4H, P), gates i f g o."""
    gates = _joined([w_x, w_h], packing).reshape(4, len(w_x) // 4, -1)
    if packing.dsp:
        return _fours(gates.transpose(1, 0, 2)).ravel()
    return _blocks(gates, packing).ravel()


def pack_gru(w_x: Array, w_h: Array, packing: Packing) -> Array:
    """(3H, I), (3H, H), gates r z n."""
    over_x, over_h = (_joined([w], packing).reshape(3, len(w) // 3, -1) for w in (w_x, w_h))
    if not packing.dsp:
        return np.concatenate([_blocks(over_x, packing), _blocks(over_h, packing)], axis=1).ravel()
    over_x, over_h = padded(over_x, 1, 4), padded(over_h, 1, 4)
    joined = np.concatenate([over_x[:2], over_h[:2]], axis=2)
    gates = joined.transpose(1, 0, 2).reshape(-1, 4, joined.shape[2])
    both = _fours(gates).reshape(len(gates) // 2, -1)
    new = [_fours(w[2].reshape(-1, 4, w.shape[2])) for w in (over_x, over_h)]
    return np.concatenate([both, *new], axis=1).ravel()


def pack_rows(matrices: Sequence[Array], packing: Packing) -> Array:
    """(O, K) matrices, side by side: groups of four times ``packing.rows`` rows, then smaller ones."""
    weight, r = _joined(matrices, packing), packing.rows
    columns = weight.shape[1]
    if packing.dsp:
        return _fours(padded(weight, 0, 4).reshape(-1, 4, columns)).ravel()
    whole = len(weight) // (4 * r) * 4 * r
    groups = weight[:whole].reshape(whole // (4 * r), 4, r, columns)
    large = [_blocks(group, packing).ravel() for group in groups]
    return np.concatenate([*large, _blocks(weight[None, whole:], packing).ravel()])


def pack_table(table: Array) -> Array:
    """Rows of an embedding, each from a byte of its own on."""
    return np.concatenate([nibbles.pack(row[None]) for row in table]).view(np.int8)


def _width(columns: int, packing: Packing) -> int:
    multiple = COLUMNS_DSP if packing.dsp else COLUMNS
    return -(-columns // multiple) * multiple


def _joined(matrices: Sequence[Array], packing: Packing) -> Array:
    return np.concatenate([padded(w, 1, _width(1, packing)) for w in matrices], axis=1)


def _halves(low: Array, high: Array) -> Array:
    """Bytes that hold low + 8 and high + 8."""
    both = (low.astype(np.int16) + nibbles.OFFSET) | (high.astype(np.int16) + nibbles.OFFSET) << 4
    return both.astype(np.uint8).view(np.int8)


def _blocks(gates: Array, packing: Packing) -> Array:
    """(gates, rows, K) -> (blocks, bytes): for each block of rows the vectors [column pair][gate] of [row][column],
    two vectors a time in the halves of the same bytes."""
    r, p, (count, _, columns) = packing.rows, packing.pair, gates.shape
    rows = padded(gates, 1, r)
    vectors = rows.reshape(count, rows.shape[1] // r, r, columns // p, p).transpose(1, 3, 0, 2, 4)
    pairs = vectors.reshape(len(vectors), count * columns // p // 2, 2, r * p)
    return _halves(pairs[:, :, 0], pairs[:, :, 1]).reshape(len(vectors), pairs.shape[1] * r * p)


def _fours(rows: Array) -> Array:
    """(N, 4, K) -> (N, bytes) for SMLALD: for each column a + 8 | b + 8, then c + 8 | d, where d alone is signed."""
    a, b, c, d = rows.transpose(1, 0, 2)
    signed = ((d.astype(np.int16) + 2 * nibbles.OFFSET) & 15) - nibbles.OFFSET
    return np.stack([_halves(a, b), _halves(c, signed)], axis=2).reshape(len(rows), 2 * rows.shape[2])
