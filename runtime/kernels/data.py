"""Kernels that move elements: ports, states, copies, look-up."""

from __future__ import annotations

from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.memory import copy_bytes, ints, octets, shorts, words

OK = numba.int32(0)
REFUSED = numba.int32(1)
_EXPONENT = numba.int32(0x7F800000)


@inline
def take_finite(source: Any, target: Any, count: Any) -> Any:
    """Copy the bits of float32 values; whether there is a NaN or an infinity among them."""
    special = numba.int32(0)
    for k in range(count):
        value = source[k]
        target[k] = value
        special |= numba.int32((value & _EXPONENT) == _EXPONENT)
    return special != 0


@kernel
def take_floats(record: Any) -> Any:
    """Operands: address of the pointer to a frame, target, count. Refuses NaN and infinity."""
    return REFUSED if take_finite(ints(words(record[0])[0]), ints(record[1]), record[2]) else OK


@inline
def _take_limited(source: Any, target: Any, count: Any, limit: Any) -> Any:
    for k in range(count):
        value = source[k]
        if value < 0 or value >= limit:
            return REFUSED
        target[k] = value
    return OK


@kernel
def take_limited(record: Any) -> Any:
    """Operands: address of the pointer to a frame of integers, target, count, limit, bytes of an element.

    Refuses an element that is not in 0..limit - 1.
    """
    source, target, count, limit = words(record[0])[0], record[1], record[2], record[3]
    if record[4] == 4:
        return _take_limited(ints(source), ints(target), count, limit)
    if record[4] == 2:
        return _take_limited(shorts(source), shorts(target), count, limit)
    return _take_limited(octets(source), octets(target), count, limit)


@kernel
def take(record: Any) -> Any:
    """Operands: address of the pointer to a frame, target, bytes."""
    copy_bytes(words(record[0])[0], record[1], record[2])
    return OK


@kernel
def give(record: Any) -> Any:
    """Operands: source, address of the pointer to the target, bytes."""
    copy_bytes(record[0], words(record[1])[0], record[2])
    return OK


@kernel
def copy(record: Any) -> Any:
    """Operands: source, target, bytes."""
    copy_bytes(record[0], record[1], record[2])
    return OK


@kernel
def choose(record: Any) -> Any:
    """Operands: signal, what is copied where it is not zero, what is copied otherwise, target, bytes."""
    copy_bytes(record[1] if ints(record[0])[0] != 0 else record[2], record[3], record[4])
    return OK


@inline
def _run(source: Any, target: Any, count: Any, stride: Any) -> None:
    if stride == 1:
        for k in range(count):
            target[k] = source[k]
    else:
        for k in range(count):
            target[k] = source[k * stride]


@inline
def next_run(counters: Any, sizes: Any, strides: Any, outer: Any, at: Any) -> Any:
    """Advance counters over ``outer`` axes, the last fastest; the offset that belongs to them."""
    axis = outer - 1
    while axis >= 0:
        counters[axis] += 1
        at += strides[axis]
        if counters[axis] < sizes[axis]:
            return at
        at -= counters[axis] * strides[axis]
        counters[axis] = 0
        axis -= 1
    return at


@kernel
def move(record: Any) -> Any:
    """Copy a strided array to consecutive elements.

    Operands: source, target, bytes of an element (4, 2 or 1), runs, axes before the last; addresses of
    counters (zeros), sizes and source strides in elements; size and source stride of the last axis.
    """
    source, target, width, outer = record[0], record[1], record[2], record[4]
    counters, sizes, strides = words(record[5]), words(record[6]), words(record[7])
    count, stride = record[8], record[9]
    at = 0
    for run in range(record[3]):
        here, there = source + at * width, target + run * count * width
        if width == 4:
            _run(ints(here), ints(there), count, stride)
        elif width == 2:
            _run(shorts(here), shorts(there), count, stride)
        else:
            _run(octets(here), octets(there), count, stride)
        at = next_run(counters, sizes, strides, outer, at)
    return OK


@kernel
def copy_pieces(record: Any) -> Any:
    """Operands: source, target, pieces, bytes of a piece, bytes from one piece of the target to the next."""
    for k in range(record[2]):
        copy_bytes(record[0] + k * record[3], record[1] + k * record[4], record[3])
    return OK


@kernel
def look_up(record: Any) -> Any:
    """Rows of a table. Operands: indices, table, target, indices' count, rows of the table, bytes of a row.

    Refuses an index outside the table.
    """
    indices = ints(record[0])
    for k in range(record[3]):
        index = indices[k]
        if index < 0 or index >= record[4]:
            return REFUSED
        copy_bytes(record[1] + index * record[5], record[2] + k * record[5], record[5])
    return OK
