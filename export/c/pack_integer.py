"""int8 weights in the order in which the integer kernels read them (see ``runtime/csrc/ern.h``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.op import Array

WORKSPACE_ELEMENTS = 8
"""What sizes of workspaces are rounded up to, in int16: 16 bytes, the largest ``Packing.columns``."""

SIMD = ("none", "words", "dsp", "helium", "dot")
"""Layouts of int8 weights: for no extension; four rows a word, for Cortex-M0+; DSP instructions and Helium of Cortex-M;
products of four columns, which SDOT, VNNI and AVX2 compute."""

HELIUM_ROWS = 8
HELIUM_COLUMNS = {"int16": 8, "int8": 16}
DSP_COLUMNS = 8
DOT_COLUMNS = 4
WORD_ROWS = WORD_COLUMNS = 4
WORD_OFFSET = 128


@dataclass(frozen=True)
class Packing:
    """What weights are packed for.

    lanes  32-bit values that one instruction of the target processes
    simd   one of SIMD: what they are for; lanes is 1 for those of Cortex-M, and more for "dot"
    """

    lanes: int = 1
    simd: str = "none"

    def __post_init__(self) -> None:
        if self.simd not in SIMD:
            raise UsageError(f"packing for {self.simd!r}: simd is one of {', '.join(SIMD)}")
        if self.simd != "none" and (self.lanes > 1) != self.dot:
            raise UsageError(
                f"packing for {self.lanes} lanes and {self.simd!r}: words, dsp and helium go with 1 lane, dot with more"
            )

    @property
    def dsp(self) -> bool:
        """Whether for the DSP extension."""
        return self.simd == "dsp"

    @property
    def helium(self) -> bool:
        """Whether for Helium."""
        return self.simd == "helium"

    @property
    def words(self) -> bool:
        """Whether four rows lie in one word."""
        return self.simd == "words"

    @property
    def dot(self) -> bool:
        """Whether for products of four columns."""
        return self.simd == "dot"

    @property
    def rows(self) -> int:
        """Rows that are computed together."""
        return min(self.lanes, 8)

    @property
    def pair(self) -> int:
        """Columns of a row that lie side by side."""
        return 2 if self.rows > 1 else 1

    def columns(self, dtype: str) -> int:
        """What the length of a vector of ``dtype`` is padded to a multiple of."""
        if self.simd == "none":
            return self.pair
        if self.dot or self.words:
            return DOT_COLUMNS if self.dot else WORD_COLUMNS
        return HELIUM_COLUMNS[dtype] if self.helium else DSP_COLUMNS


def workspace_elements(*sizes: int) -> int:
    """int16 elements that a kernel needs to hold vectors of these sizes."""
    return sum(-(-n // WORKSPACE_ELEMENTS) * WORKSPACE_ELEMENTS for n in sizes) + 1


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
    """(gates, rows, K) -> (blocks, bytes): for each block of rows [columns][gate][row][column].

    Columns are in pairs; for "dot" in fours, behind the sums of the block's rows (int32).
    """
    count, _, columns = gates.shape
    r, p = packing.rows, DOT_COLUMNS if packing.dot else packing.pair
    padded = _padded(gates, 1, r)
    number = padded.shape[1] // r
    packed = padded.reshape(count, number, r, columns // p, p).transpose(1, 3, 0, 2, 4)
    packed = packed.reshape(number, count * r * columns)
    if not packing.dot:
        return packed
    sums = padded.sum(axis=2, dtype=np.int32).reshape(count, number, r).transpose(1, 0, 2)
    return np.concatenate([_bytes(sums).reshape(number, 4 * count * r), packed], axis=1)


def _bytes(integers: Array) -> Array:
    return np.frombuffer(integers.astype("<i4").tobytes(), np.int8)


def _require_magnitudes(matrices: Sequence[Array], packing: Packing, dtype: str) -> None:
    """Refuse -128 where AVX2 would multiply its magnitude. Raises ValueError."""
    if packing.dot and packing.lanes > 4 and dtype == "int8" and any(w.size and w.min() == -128 for w in matrices):
        raise ValueError("a weight of -128 cannot be packed for AVX2 and int8 values; weights within -127..127 can")


def _helium(rows: Array, group: int) -> Array:
    """(N, K) -> (blocks, bytes): for each 8 rows the even, then the odd ones, [group of columns][row][column]."""
    padded = _padded(rows, 0, HELIUM_ROWS)
    parts = padded.reshape(-1, HELIUM_ROWS // 2, 2, padded.shape[1] // group, group)
    return parts.transpose(0, 2, 3, 1, 4).reshape(len(parts), HELIUM_ROWS * padded.shape[1])


def _words(rows: Array) -> Array:
    """(N, 4, K) -> (N, bytes): for each column four rows, moved to 0..255."""
    return (
        (rows.transpose(0, 2, 1).astype(np.int16) + WORD_OFFSET).astype(np.uint8).view(np.int8).reshape(len(rows), -1)
    )


def _joined(matrices: Sequence[Array], columns: int) -> Array:
    return np.concatenate([_padded(w, 1, columns) for w in matrices], axis=1)


def pack_lstm(w_x: Array, w_h: Array, packing: Packing, dtype: str) -> Array:
    """(4H, I), (4H, P), gates i f g o; x and h of ``dtype``."""
    _require_magnitudes([w_x, w_h], packing, dtype)
    columns = packing.columns(dtype)
    joined = _joined([w_x, w_h], columns)
    gates = joined.reshape(4, -1, joined.shape[1])
    if packing.words:
        return _words(gates.transpose(1, 0, 2)).ravel()
    if packing.dsp:
        return _lanes(gates.transpose(1, 0, 2), 4).ravel()
    if packing.helium:
        return np.concatenate([_helium(gate, columns) for gate in gates], axis=1).ravel()
    return _blocks(gates, packing).ravel()


def pack_gru(w_x: Array, w_h: Array, packing: Packing, dtype: str) -> Array:
    """(3H, I), (3H, H), gates r z n; x of ``dtype``."""
    _require_magnitudes([w_x, w_h], packing, dtype)
    columns = packing.columns(dtype)
    over_x, over_h = (_padded(w.reshape(3, -1, w.shape[1]), 2, columns) for w in (w_x, w_h))
    if packing.words:
        return _pack_gru_words(_padded(over_x, 1, WORD_ROWS), _padded(over_h, 1, WORD_ROWS))
    if packing.dsp:
        return _pack_gru_dsp(_padded(over_x, 1, 2), _padded(over_h, 1, 2))
    if packing.helium:
        joined = np.concatenate([over_x, over_h], axis=2)
        return np.concatenate([_helium(w, columns) for w in (*joined[:2], over_x[2], over_h[2])], axis=1).ravel()
    return np.concatenate([_blocks(over_x, packing), _blocks(over_h, packing)], axis=1).ravel()


def _pack_gru_dsp(over_x: Array, over_h: Array) -> Array:
    joined = np.concatenate([over_x, over_h], axis=2)
    gates = joined[:2].transpose(1, 0, 2).reshape(-1, 4, joined.shape[2])
    new = [_lanes(w[2].reshape(-1, 2, w.shape[2]), 2) for w in (over_x, over_h)]
    return np.concatenate([_lanes(gates, 4), *new], axis=1).ravel()


def _pack_gru_words(over_x: Array, over_h: Array) -> Array:
    """For each four units r z of two, r z of the others, n over x, n over h."""
    joined = np.concatenate([over_x[:2], over_h[:2]], axis=2)
    gates = _words(joined.transpose(1, 0, 2).reshape(-1, WORD_ROWS, joined.shape[2]))
    new = [_words(w[2].reshape(-1, WORD_ROWS, w.shape[2])) for w in (over_x, over_h)]
    return np.concatenate([gates.reshape(len(gates) // 2, -1), *new], axis=1).ravel()


def pack_rows(matrices: Sequence[Array], packing: Packing, dtype: str) -> Array:
    """(O, K) matrices, side by side, over ``dtype``: groups of four times ``packing.rows`` rows, then smaller ones."""
    _require_magnitudes(matrices, packing, dtype)
    weight = _joined(matrices, packing.columns(dtype))
    if packing.helium:
        return _helium(weight, packing.columns(dtype)).ravel()
    r, columns = packing.rows, weight.shape[1]
    if packing.words:
        return _words(_padded(weight, 0, WORD_ROWS).reshape(-1, WORD_ROWS, columns)).ravel()
    whole = len(weight) // (4 * r) * 4 * r
    if packing.dsp:
        padded = _padded(weight[whole:], 0, 2)
        rest = padded.reshape(len(padded) // 2, 2, columns)
        fours = _lanes(weight[:whole].reshape(whole // 4, 4, columns), 4)
        return np.concatenate([fours.ravel(), _lanes(rest, 2).ravel()])
    large = [_blocks(group, packing).ravel() for group in weight[:whole].reshape(whole // (4 * r), 4, r, columns)]
    return np.concatenate([*large, _blocks(weight[None, whole:], packing).ravel()])


def pack_multipliers(gates: Sequence[tuple[Array, Array]], packing: Packing) -> Array:
    """(multipliers, biases) of each gate -> for each block of rows [gate][multiplier, bias][row]."""
    if packing.helium:
        return _helium_multipliers(np.array(gates, np.int32))
    pairs = _padded(np.array(gates, np.int32), 2, packing.rows)
    blocks = pairs.reshape(len(gates), 2, -1, packing.rows)
    return blocks.transpose(2, 0, 1, 3).ravel()


def _helium_multipliers(gates: Array) -> Array:
    """(gates, 2, rows) -> for each 8 rows [gate][even rows, odd rows][multiplier, bias][row]."""
    padded = _padded(gates, 2, HELIUM_ROWS)
    blocks = padded.reshape(len(gates), 2, -1, HELIUM_ROWS // 2, 2)
    return blocks.transpose(2, 0, 4, 1, 3).ravel()
