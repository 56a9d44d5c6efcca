"""Kernels of functions of two operands with broadcasting: one a function, compiled when a model needs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba

from edgernn.runtime.kernels.build import Kernel, inline, named
from edgernn.runtime.kernels.data import next_run
from edgernn.runtime.kernels.lanes import load, maximum, minimum, splat, store
from edgernn.runtime.kernels.memory import floats, ints, words
from edgernn.runtime.kernels.vectors import LANES

OK = numba.int32(0)
FLOAT_BYTES = 4

Function = Callable[..., Any]


@inline
def _run_of_vectors(f: Any, a: Any, a_stride: Any, b: Any, b_stride: Any, y: Any, count: Any) -> None:
    if a_stride == 0:
        left = splat(a[0])
        for k in range(0, count, LANES):
            store(y, k, f(left, load(b, k)))
    elif b_stride == 0:
        right = splat(b[0])
        for k in range(0, count, LANES):
            store(y, k, f(load(a, k), right))
    else:
        for k in range(0, count, LANES):
            store(y, k, f(load(a, k), load(b, k)))


@inline
def _run_of_numbers(f: Any, a: Any, a_stride: Any, b: Any, b_stride: Any, y: Any, count: Any) -> None:
    for k in range(count):
        y[k] = f(a[k * a_stride], b[k * b_stride])


def _pairwise(name: str, pointer: Any, run_of: Any, function: Function) -> Kernel:
    """Kernel of a function of two vectors or numbers.

    Operands: a, b, y, runs, axes before the last; addresses of sizes, counters of a and of b (zeros), strides
    of a and of b; size of the last axis, and strides of a and b on it, 0 or 1. The lanes that a run writes
    too much fall on the next run, which is written later.
    """
    f = inline(function)

    def run(record: Any) -> Any:
        outer, sizes, count = record[4], words(record[5]), record[10]
        a_counters, b_counters = words(record[6]), words(record[7])
        a_strides, b_strides = words(record[8]), words(record[9])
        a_at = b_at = 0
        for k in range(record[3]):
            a, b = pointer(record[0] + FLOAT_BYTES * a_at), pointer(record[1] + FLOAT_BYTES * b_at)
            run_of(f, a, record[11], b, record[12], pointer(record[2] + FLOAT_BYTES * k * count), count)
            a_at = next_run(a_counters, sizes, a_strides, outer, a_at)
            b_at = next_run(b_counters, sizes, b_strides, outer, b_at)
        return OK

    return Kernel(named(f"binary_{name}", run))


_VECTOR_FUNCTIONS: dict[str, Function] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": lambda a, b: maximum(a, b),
    "minimum": lambda a, b: minimum(a, b),
}

_INTEGER_FUNCTIONS: dict[str, Function] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "maximum": lambda a, b: max(a, b),
    "minimum": lambda a, b: min(a, b),
}

BINARY_KERNELS: dict[tuple[str, str], Kernel] = {
    **{("float32", n): _pairwise(n, floats, _run_of_vectors, f) for n, f in _VECTOR_FUNCTIONS.items()},
    ("float32", "pow"): _pairwise("pow", floats, _run_of_numbers, lambda a, b: math.pow(a, b)),
    **{("int32", n): _pairwise(f"{n}_int32", ints, _run_of_numbers, f) for n, f in _INTEGER_FUNCTIONS.items()},
}
"""(dtype, function) -> kernel of arithmetic on two operands."""
