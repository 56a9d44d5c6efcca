"""Functions as 256 straight lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgernn.ir.op import Array


def fit_table(function: Callable[[Array], Array]) -> Array:
    """[256, 2] int16 lines (see ``arithmetic.look_up``) of ``function``, which maps the 65,536 int16 arguments
    -32768..32767 (as float64) to results in integer units, which are clipped to int16.

    For each interval the integer slope near the chord and the value are chosen that make the largest error least.
    """
    with np.errstate(all="ignore"):
        target = function(np.arange(-32768.0, 32768.0)).reshape(256, 256)
    target = np.clip(np.nan_to_num(target, nan=0.0, posinf=32767, neginf=-32768), -32768, 32767)
    chord = (target[:, -1] - target[:, 0]) * 256 / 255
    best_error, best = np.full(256, np.inf), np.zeros((256, 2))
    for offset in range(-2, 4):
        slope = np.clip(np.floor(chord) + offset, -32768, 32767).astype(np.int64)
        line = (slope[:, None] * np.arange(256)) >> 8
        rest = target - line
        value = np.clip(np.round((rest.min(axis=1) + rest.max(axis=1)) / 2), -32768, 32767)
        reach = value[:, None] + line
        error = np.abs(rest - value[:, None]).max(axis=1)
        error[(reach.max(axis=1) > 32767) | (reach.min(axis=1) < -32768)] += 1.0
        better = error < best_error
        best[better] = np.stack([value, slope], axis=1)[better]
        best_error[better] = error[better]
    return best.astype(np.int16)
