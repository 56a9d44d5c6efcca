"""Elementwise kernels of integer models. Operands begin with x, y, count, or with a, b, y, count."""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import kernel
from edgernn.runtime.kernels.integer_lanes import (
    greatest,
    high_word,
    least,
    load_octets,
    load_shorts,
    look_up,
    sat16,
    store_octets,
    store_shorts,
)  # fmt: skip
from edgernn.runtime.kernels.memory import ints, octets, shorts
from edgernn.runtime.kernels.vectors import LANES

OK = numba.int32(0)
REFUSED = numba.int32(1)
PAIR_FUNCTIONS = ("add", "maximum", "minimum")
ADD, MAXIMUM = 0, 1


@kernel
def add_int16(record: Any) -> Any:
    """sat16(round(f(a * m_a, b * m_b) / 2^shift)). More operands: f of PAIR_FUNCTIONS, m_a, m_b, shift."""
    a, b, y, function = shorts(record[0]), shorts(record[1]), shorts(record[2]), record[4]
    half = 1 << (record[7] - 1)
    for k in range(0, record[3], LANES):
        p, q = load_shorts(a, k) * record[5], load_shorts(b, k) * record[6]
        if function == ADD:
            total = p + q
        elif function == MAXIMUM:
            total = greatest(p, q)
        else:
            total = least(p, q)
        store_shorts(y, k, sat16((total + half) >> record[7]))
    return OK


@kernel
def mul_int16(record: Any) -> Any:
    """sat16((a * b * multiplier + 2^31) >> 32). One more operand: the multiplier."""
    a, b, y = shorts(record[0]), shorts(record[1]), shorts(record[2])
    for k in range(0, record[3], LANES):
        store_shorts(y, k, sat16(high_word(load_shorts(a, k) * load_shorts(b, k), record[4])))
    return OK


@kernel
def div_int16(record: Any) -> Any:
    """The formula of DivInt16. More operands: multiplier, shift."""
    a, b, y = shorts(record[0]), shorts(record[1]), shorts(record[2])
    for k in range(record[3]):
        q, p = numba.int64(b[k]), numba.int64(a[k])
        if q < 0:
            q, p = -q, -p
        divisor = max(q, 1) << record[5]
        y[k] = min(max((2 * p * record[4] + divisor) // (2 * divisor), -32768), 32767)
    return OK


@kernel
def rescale_int16(record: Any) -> Any:
    """sat16(round(x * multiplier / 2^shift)). More operands: multiplier, shift, half of its unit."""
    x, y = shorts(record[0]), shorts(record[1])
    for k in range(0, record[2], LANES):
        store_shorts(y, k, sat16((load_shorts(x, k) * record[3] + record[5]) >> record[4]))
    return OK


@kernel
def widen_int8(record: Any) -> Any:
    """int8 as int16."""
    x, y = octets(record[0]), shorts(record[1])
    for k in range(0, record[2], LANES):
        store_shorts(y, k, load_octets(x, k))
    return OK


@kernel
def narrow_int16(record: Any) -> Any:
    """int16 saturated to int8."""
    x, y = shorts(record[0]), octets(record[1])
    for k in range(0, record[2], LANES):
        store_octets(y, k, least(greatest(load_shorts(x, k), -128), 127))
    return OK


@kernel
def clip_int16(record: Any) -> Any:
    """min(max(x, low), high). More operands: low, high."""
    x, y = shorts(record[0]), shorts(record[1])
    for k in range(0, record[2], LANES):
        store_shorts(y, k, least(greatest(load_shorts(x, k), record[3]), record[4]))
    return OK


@kernel
def table_int16(record: Any) -> Any:
    """A function of 256 straight lines, saturated. One more operand: the lines."""
    x, y, lines = shorts(record[0]), shorts(record[1]), ints(record[3])
    for k in range(0, record[2], LANES):
        store_shorts(y, k, sat16(look_up(lines, load_shorts(x, k))))
    return OK


@kernel
def embedding_int16(record: Any) -> Any:
    """Rows of an int8 table: sat16((entry * multiplier[row] + 2^15) >> 16).

    Operands: indices, table, multipliers, target, indices' count, rows and columns of the table. Refuses an
    index outside the table.
    """
    indices, multipliers, columns = ints(record[0]), ints(record[2]), record[6]
    for k in range(record[4]):
        row = indices[k]
        if row < 0 or row >= record[5]:
            return REFUSED
        entries, y = octets(record[1] + row * columns), shorts(record[3] + 2 * k * columns)
        multiplier = numba.int64(multipliers[row])
        for column in range(columns):
            scaled = (entries[column] * multiplier + (1 << 15)) >> 16
            y[column] = min(max(scaled, -32768), 32767)
    return OK
