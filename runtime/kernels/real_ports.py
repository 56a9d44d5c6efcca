"""Ports of integer models that take and give real values: the arithmetic of ``edgernn.runtime.quantized``."""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import kernel
from edgernn.runtime.kernels.data import OK, REFUSED, take_finite
from edgernn.runtime.kernels.integer_lanes import store_shorts, truncated
from edgernn.runtime.kernels.lanes import at_least, at_most, floor, load
from edgernn.runtime.kernels.memory import floats, ints, real, shorts, words
from edgernn.runtime.kernels.vectors import LANES


@kernel
def take_real(record: Any) -> Any:
    """clip(floor(x * factor + 0.5)) as int16. Refuses NaN and infinity.

    Operands: address of the pointer to a frame of float32, place for a copy of it, target, count, factor.
    """
    if take_finite(ints(words(record[0])[0]), ints(record[1]), record[3]):
        return REFUSED
    x, y, factor = floats(record[1]), shorts(record[2]), real(record[4])
    for k in range(0, record[3], LANES):
        whole = floor(load(x, k) * factor + 0.5)
        store_shorts(y, k, truncated(at_most(at_least(whole, -32768.0), 32767.0)))
    return OK


@kernel
def give_real(record: Any) -> Any:
    """x * scale. Operands: source, of int16, address of the pointer to the target, of float32, count, scale."""
    x, y, scale = shorts(record[0]), floats(words(record[1])[0]), real(record[3])
    for k in range(record[2]):
        y[k] = numba.float32(x[k]) * scale
    return OK
