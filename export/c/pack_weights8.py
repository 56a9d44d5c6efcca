"""int8 weights of float layers in the order in which kernels read them (see ``runtime/csrc/ern.h``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.c.pack import padded
from edgernn.ir.op import Array
from edgernn.ops.dequantize import QuantizedMatrix


def pack_gates(count: int, matrices: Sequence[QuantizedMatrix], lanes: int) -> Array:
    """(count H, K) matrices side by side -> for each block of ``lanes`` units [column][gate][lane]."""
    w = np.concatenate([m.w for m in matrices], axis=1)
    gates = padded(w.reshape(count, -1, w.shape[1]), 1, lanes)
    return gates.reshape(count, -1, lanes, w.shape[1]).transpose(1, 3, 0, 2).ravel()


def pack_vectors(vectors: Sequence[Array], lanes: int) -> Array:
    """(H) biases and scales -> for each block of ``lanes`` units [vector][lane]."""
    stacked = padded(np.stack(vectors), 1, lanes)
    return stacked.reshape(len(vectors), -1, lanes).transpose(1, 0, 2).ravel()


def pack_linear(matrix: QuantizedMatrix, bias: Array, lanes: int) -> tuple[Array, Array]:
    """Weights, and biases and scales, for groups of 4 ``lanes`` rows, then of ``lanes`` rows, the last one padded."""
    whole = len(bias) // (4 * lanes) * 4 * lanes
    vectors = np.stack([bias, matrix.scale])
    weights, rows = [], []
    for part, group in ((slice(0, whole), 4 * lanes), (slice(whole, None), lanes)):
        w, v = padded(matrix.w[part], 0, group), padded(vectors[:, part], 1, group)
        weights.append(w.reshape(-1, group, w.shape[1]).transpose(0, 2, 1).ravel())
        rows.append(v.reshape(2, -1, group).transpose(1, 0, 2).ravel())
    return np.concatenate(weights), np.concatenate(rows)
