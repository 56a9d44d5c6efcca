"""Sums of products in 32 bits: the proof that they fit, and the multipliers that bring them to other scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops.integer.recurrent import MAX_PRE_SHIFT
from edgernn.quant.fixed_point import HIGH_WORD, MAX_MULTIPLIER, high_word

ACC_LIMIT = (1 << 31) - 1
X_MAX = {"int16": 1 << 15, "int8": 1 << 7}
"""Dtype -> largest magnitude."""


def fits_int32(*matrices: Array, dtype: str = "int16", shift: int = 0) -> bool:
    """Whether no sum of products of a row (of all ``matrices`` together) with values of ``dtype``, shifted to the
    left by ``shift`` (to the right, where that is negative), can leave int32.

    The bound is sum|w| * max|x| * 2^shift, which every partial sum obeys too.
    """
    total = sum(np.abs(m.astype(np.int64)).sum(axis=1) for m in matrices)
    return bool((np.asarray(total) * X_MAX[dtype] * 2.0**shift <= ACC_LIMIT).all())


def needed_halvings(matrix: Array, dtype: str) -> int:
    """How often x of ``dtype`` must be halved before sums over rows of ``matrix`` are sure to fit int32."""
    halvings = 0
    while not fits_int32(matrix, dtype=dtype, shift=-halvings):
        halvings += 1
    return halvings


def needed_shift(ratio: Array) -> int:
    """By how many bits sums must be shifted to the left, so that multipliers of at most 31 bits suffice.

    ratio  unit of a sum, in units of the result
    """
    largest, shift = float(np.max(ratio, initial=0.0)), 0
    while np.round(largest * HIGH_WORD / 2**shift) > MAX_MULTIPLIER:
        shift += 1
    return shift


def largest_shift(*matrices: Array, dtype: str) -> int:
    """The largest shift to the left that sums over values of ``dtype`` stand; 0 for int16, whose sums use all bits."""
    if dtype == "int16":
        return 0
    return max(s for s in range(MAX_PRE_SHIFT + 1) if s == 0 or fits_int32(*matrices, dtype=dtype, shift=s))


def fit(dtype: str, *products: tuple[Sequence[Array], Array]) -> bool:
    """Whether ``multipliers`` has an answer."""
    if not all(fits_int32(*matrices, dtype=dtype) for matrices, _ in products):
        return False
    room = min(largest_shift(*matrices, dtype=dtype) for matrices, _ in products)
    return max(needed_shift(ratio) for _, ratio in products) <= room


def multipliers(
    node: Node, dtype: str, *products: tuple[Sequence[Array], Array], halvings: int = 0
) -> tuple[int, list[Array]]:
    """The common ``pre_shift`` of ``products`` and the multipliers of each, int32.

    products  (matrices whose rows are summed together, units of the sums in units of the result)
    halvings  by how many bits x is smaller than its dtype allows

    Raises UnsupportedOpError where a sum may leave 32 bits, or where its unit is too large for that of the result.
    """
    if not all(fits_int32(*matrices, dtype=dtype, shift=-halvings) for matrices, _ in products):
        advice = "; the scheme int8 has room for it" if dtype == "int16" else ""
        raise _refused(node, f"a row is too long for 32-bit sums of {dtype} products{advice}")
    shift = max(needed_shift(ratio) for _, ratio in products)
    if shift > min(largest_shift(*matrices, dtype=dtype) for matrices, _ in products):
        reason = "products of weights and input are too large for the scale of the result"
        raise _refused(node, f"{reason}; normalise the input")
    return shift, [high_word(ratio / 2**shift) for _, ratio in products]


def _refused(node: Node, reason: str) -> UnsupportedOpError:
    return UnsupportedOpError("integer", node.op.kind, node.name, source=node.source, reason=reason)
