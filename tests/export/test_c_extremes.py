"""Layers whose weights and values stand at their ends, at every size around the widths of kernels: no sum overflows and
every result saturates alike, so that C equals the reference bit for bit."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.export.c_support import compiler, merged, run, write_driver
from tests.export.test_c_four_bits import four_bits
from tests.export.test_c_integer import PACKINGS, expected, flags, limited
from tests.ops.cases.base import Case
from tests.ops.integer_cases import frame, narrow, recurrent

SIZES = recurrent.SIZES


def wide(kind: str) -> list[Case]:
    """Over int16 values."""
    return [
        *(recurrent.lstm(i, h, kind) for i, h in SIZES),
        *(recurrent.gru(i, h, kind) for i, h in SIZES),
        *(recurrent.rnn(i, h, kind, n) for (i, h), n in zip(SIZES, ("tanh", "relu") * 5, strict=True)),
        *(frame.linear(i, o, kind) for i, o in SIZES),
    ]


def over_bytes(kind: str) -> list[Case]:
    """Over int8 values."""
    return [
        *(narrow.lstm(i, h, kind) for i, h in SIZES),
        *(narrow.gru(i, h, kind) for i, h in SIZES),
        *(narrow.rnn(i, h, kind, n) for (i, h), n in zip(SIZES, ("tanh", "relu") * 5, strict=True)),
        *(narrow.linear(i, o, kind, "int16", 3) for i, o in SIZES),
    ]


@cache
def layers(scheme: str, simd: str) -> tuple[Case, np.ndarray]:
    """All layers of a scheme as one model, and what the reference computes."""
    if scheme == "int8":
        cases = [case for kind in narrow.KINDS[1:] for case in over_bytes(kind)]
    else:
        cases = [case for kind in ("most_negative", "most_positive", "alternating") for case in wide(kind)]
    if scheme == "int16x4":
        cases = [four_bits(case) for case in cases]
    elif simd == "dsp":
        cases = [limited(case) for case in cases]
    case = merged(cases)
    return case, expected(case)


NONE, WORDS, DSP, VECTORS, DOT = (1, "none"), (1, "words"), (1, "dsp"), (4, "none"), (8, "dot")
WAYS = [
    *(("int16x8", *packing) for packing in (NONE, WORDS, DSP, VECTORS, DOT) if packing in PACKINGS),
    *(("int8", *packing) for packing in (NONE, WORDS, DSP, DOT) if packing in PACKINGS),
    *(("int16x4", *packing) for packing in (NONE, DSP, VECTORS)),
]


@pytest.mark.parametrize(("scheme", "lanes", "simd"), WAYS)
def test_ends_of_the_ranges_equal_the_reference(scheme: str, lanes: int, simd: str, tmp_path: Path) -> None:
    case, wanted = layers(scheme, "dsp" if simd == "dsp" else "")
    files = write_driver(case, tmp_path, lanes, simd)
    run([*compiler(), "-std=c99", "-O1", *flags(lanes), *files, "-o", "main"], tmp_path)
    np.testing.assert_array_equal(np.array(run(["./main"], tmp_path).split(), np.int64), wanted)


def test_values_of_these_layers_stand_at_the_ends_of_their_ranges() -> None:
    wanted = layers("int16x8", "")[1]
    assert (np.abs(wanted) > 32000).mean() > 0.3
