"""Transforms to frequencies, their power, and bands of them."""

import numpy as np

from edgernn.ops import BandedLinear, Rfft, SquaredMagnitude
from edgernn.ops.banded_linear import bands
from tests.ops.cases.base import Case, CaseBuilder

SIZES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 17, 18, 20, 22, 30, 32, 45, 60, 64, 100, 128, 400)
"""With kernels of radix 2 to 5 and without."""


def rfft(size: int, inputs: int, *lead: int) -> Case:
    case = CaseBuilder("_".join(map(str, ["rfft", size, inputs, *lead])))
    return case.done(case.builder.add1(Rfft(size), [case.input(*lead, inputs)]))


def power(*shape: int) -> Case:
    case = CaseBuilder(f"squared_magnitude_{shape}")
    return case.done(case.builder.add1(SquaredMagnitude(), [case.input(*shape)]))


def banded(inputs: int, outputs: int, *lead: int) -> Case:
    """Bands of all lengths, among them one element and the whole frame."""
    case = CaseBuilder("_".join(map(str, ["banded", inputs, outputs, *lead])))
    matrix = case.rng.standard_normal((outputs, inputs)).astype(np.float32)
    for k, row in enumerate(matrix):
        first, last = sorted(case.rng.integers(0, inputs, 2)) if k else (0, inputs - 1)
        row[:first], row[last + 1 :] = 0, 0
    constants = [case.builder.constant(array, "band") for array in bands(matrix)]
    return case.done(case.builder.add1(BandedLinear(), [case.input(*lead, inputs), *constants]))


CASES = [
    *(rfft(n, n) for n in SIZES), rfft(64, 40), rfft(12, 7, 3), rfft(9, 5, 2, 2),
    power(2, 1), power(2, 17), power(3, 2, 5), banded(1, 1), banded(17, 5), banded(16, 4, 3),
]  # fmt: skip
