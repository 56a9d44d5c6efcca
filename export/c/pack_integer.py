"""int8 weights in the order in which the integer kernels read them (see ``runtime/csrc/ern.h``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.ir.op import Array

MAX_COLUMNS = 8
"""The largest ``Packing.columns``: what sizes of workspaces are rounded up to."""


@dataclass(frozen=True)
class Packing:
    """What weights are packed for.

    lanes  32-bit values that one instruction of the target processes
    dsp    for the DSP extension of Cortex-M; lanes is 1 then
    """

    lanes: int = 1
    dsp: bool = False

    @property
    def rows(self) -> int:
        """Rows that are computed together."""
        return min(self.lanes, 8)

    @property
    def pair(self) -> int:
        """Columns of a row that lie side by side."""
        return 2 if self.rows > 1 else 1

    @property
    def columns(self) -> int:
        """What the length of a vector is padded to a multiple of."""
        return 8 if self.dsp else self.pair


def workspace_elements(*sizes: int) -> int:
    """int16 elements that a kernel needs to hold vectors of these sizes."""
    return sum(-(-n // MAX_COLUMNS) * MAX_COLUMNS for n in sizes) + 1


def _padded(array: Array, axis: int, multiple: int) -> Array:
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, width)


def _lanes(rows: Array, group: int) -> Array:
    """(N, group, K) int8 -> bytes for SMLALD: N groups of 4 rows (words of rows 0 1, then 2 3, in turn) or of 2.

    Raises ValueError where two weights do not fit 16 bits: -128 below a negative one.
    """
    wide = rows.astype(np.int32)
    both = wide[:, 0::2] + 256 * wide[:, 1::2]
    if both.size and both.min() < np.iinfo(np.int16).min:
        raise ValueError("a weight of -128 cannot be packed for the DSP extension; weights within -127..127 can")
    words = both.astype(np.int16).reshape(len(rows), group // 2, rows.shape[2] // 2, 2).transpose(0, 2, 1, 3)
    return np.frombuffer(words.astype("<i2").tobytes(), np.int8).reshape(len(rows), rows.shape[1] * rows.shape[2])


def _blocks(gates: Array, packing: Packing) -> Array:
    """(gates, rows, K) -> (blocks, bytes): for each block of rows [column pair][gate][row][column]."""
    count, _, columns = gates.shape
    r, p = packing.rows, packing.pair
    padded = _padded(gates, 1, r)
    number = padded.shape[1] // r
    packed = padded.reshape(count, number, r, columns // p, p).transpose(1, 3, 0, 2, 4)
    return packed.reshape(number, count * r * columns)


def _joined(w_x: Array, w_h: Array, packing: Packing) -> Array:
    return np.concatenate([_padded(w, 1, packing.columns) for w in (w_x, w_h)], axis=1)


def pack_lstm(w_x: Array, w_h: Array, packing: Packing) -> Array:
    """(4H, I), (4H, P), gates i f g o."""
    joined = _joined(w_x, w_h, packing)
    gates = joined.reshape(4, -1, joined.shape[1])
    if packing.dsp:
        return _lanes(gates.transpose(1, 0, 2), 4).ravel()
    return _blocks(gates, packing).ravel()


def pack_gru(w_x: Array, w_h: Array, packing: Packing) -> Array:
    """(3H, I), (3H, H), gates r z n."""
    over_x, over_h = (_padded(w.reshape(3, -1, w.shape[1]), 2, packing.columns) for w in (w_x, w_h))
    if packing.dsp:
        return _pack_gru_dsp(_padded(over_x, 1, 2), _padded(over_h, 1, 2))
    return np.concatenate([_blocks(over_x, packing), _blocks(over_h, packing)], axis=1).ravel()


def _pack_gru_dsp(over_x: Array, over_h: Array) -> Array:
    joined = np.concatenate([over_x, over_h], axis=2)
    gates = joined[:2].transpose(1, 0, 2).reshape(-1, 4, joined.shape[2])
    new = [_lanes(w[2].reshape(-1, 2, w.shape[2]), 2) for w in (over_x, over_h)]
    return np.concatenate([_lanes(gates, 4), *new], axis=1).ravel()


def pack_rows(matrices: Sequence[Array], packing: Packing) -> Array:
    """(O, K) matrices, side by side: groups of four times ``packing.rows`` rows, then smaller ones."""
    weight = np.concatenate([_padded(w, 1, packing.columns) for w in matrices], axis=1)
    r, columns = packing.rows, weight.shape[1]
    whole = len(weight) // (4 * r) * 4 * r
    if packing.dsp:
        padded = _padded(weight[whole:], 0, 2)
        rest = padded.reshape(len(padded) // 2, 2, columns)
        fours = _lanes(weight[:whole].reshape(whole // 4, 4, columns), 4)
        return np.concatenate([fours.ravel(), _lanes(rest, 2).ravel()])
    groups = weight[:whole].reshape(whole // (4 * r), 4, r, columns // packing.pair, packing.pair)
    large = groups.transpose(0, 3, 1, 2, 4)
    return np.concatenate([large.ravel(), _blocks(weight[None, whole:], packing).ravel()])


def pack_multipliers(gates: Sequence[tuple[Array, Array]], packing: Packing) -> Array:
    """(multipliers, biases) of each gate -> for each block of rows [gate][multiplier, bias][row]."""
    pairs = _padded(np.array(gates, np.int32), 2, packing.rows)
    blocks = pairs.reshape(len(gates), 2, -1, packing.rows)
    return blocks.transpose(2, 0, 1, 3).ravel()
