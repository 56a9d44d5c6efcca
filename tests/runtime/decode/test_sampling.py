"""Samplers: as often as the softmax says, kept to the likeliest, and the same bits in Python and C."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgernn.errors import UsageError
from edgernn.ir.scores import FLOAT_SCALE, score_unit
from edgernn.runtime.decode import Sampler, likeliest
from edgernn.runtime.decode.arithmetic import exponents, integer_scores, philox, powers, tempered
from tests.runtime.decode.c_library import CSampler, Unit, library

SCORES = np.array([0.0, 3.0, 2.5, -1.0, 1.0, 2.5], np.float32)
NAMES = {"float32": "f32", "int16": "s16", "int8": "s8"}


def in_c(scores: NDArray[np.generic], sampler: Sampler, position: int, scale: float) -> int:
    """What the C sampler draws."""
    c = CSampler(sampler.temperature_q16, sampler.top_k, sampler.top_p_q16, sampler.seed)
    function = getattr(library(), f"ern_sample_{NAMES[str(scores.dtype)]}")
    unit = [] if scores.dtype == np.float32 else [Unit(*score_unit(scale))]
    values = np.ascontiguousarray(scores)
    count = ctypes.c_size_t(len(values))
    return int(function(ctypes.c_void_p(values.ctypes.data), count, *unit, ctypes.byref(c), ctypes.c_uint32(position)))


@st.composite
def rows(draw: st.DrawFn) -> tuple[NDArray[np.generic], float]:
    """Scores of any type, with many equal ones in half of the rows, and their scale."""
    dtype = draw(st.sampled_from(list(NAMES)))
    size = draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.0 ** draw(st.floats(-6, 2))
    spread = 10.0 ** draw(st.floats(-3, 6))
    values = rng.normal(size=size) * spread
    if draw(st.booleans()):
        values = rng.choice(values[: max(1, size // 8)], size)
    if dtype == "float32":
        return values.astype(np.float32), scale
    limits = np.iinfo(dtype)
    return np.clip(np.round(values), limits.min, limits.max).astype(dtype), scale


SAMPLERS = st.builds(
    Sampler,
    temperature=st.one_of(st.just(0.0), st.floats(1e-5, 60000), st.floats(0.2, 3)),
    top_k=st.integers(0, 90),
    top_p=st.one_of(st.just(1.0), st.floats(1e-6, 1)),
    seed=st.integers(0, 2**64 - 1),
)


@settings(max_examples=600, derandomize=True, deadline=None)
@given(rows(), SAMPLERS, st.integers(0, 2**32 - 1))
def test_c_draws_the_same(row: tuple[NDArray[np.generic], float], sampler: Sampler, position: int) -> None:
    scores, scale = row
    assert in_c(scores, sampler, position, scale) == sampler.choose(scores, position, scale)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38, 32767.0, 1e-9, 0.5 / 65536, -0.5 / 65536])
def test_c_reads_extreme_floats_alike(value: float) -> None:
    scores = np.array([value, 0.25, value, -0.25 / 65536], np.float32)
    for position in range(50):
        for sampler in (Sampler(), Sampler(top_p=0.7), Sampler(top_k=2)):
            assert in_c(scores, sampler, position, 1.0) == sampler.choose(scores, position)


def test_draws_are_as_frequent_as_the_softmax_says() -> None:
    rng = np.random.default_rng(1)
    scores = (rng.normal(size=50) * 2).astype(np.float32)
    count = 6000
    for temperature in (0.5, 1.0, 2.0):
        drawn = [Sampler(temperature, seed=9).choose(scores, k) for k in range(count)]
        logits = scores.astype(np.float64) / temperature
        wanted = np.exp(logits - logits.max())
        wanted /= wanted.sum()
        chi_squared = (np.square(np.bincount(drawn, minlength=50) - count * wanted) / (count * wanted)).sum()
        assert chi_squared < 49 + 4 * math.sqrt(2 * 49)


def test_weights_are_powers_of_two() -> None:
    exponent = np.concatenate([np.arange(0, 33 << 24, 1 << 17), [0, 1, (1 << 24) - 1, (32 << 24) - 1, 1 << 40]])
    found = powers(exponent.astype(np.uint64)).astype(np.float64)
    wanted = np.where(exponent < 32 << 24, 2.0 ** (31 - exponent / 2**24), 0)
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1.0)


@pytest.mark.parametrize("scale", [2.0**-16, 1e-4, 0.037, 1.0, 250.0])
@pytest.mark.parametrize("temperature", [0.01, 0.7, 1.0, 12.0])
def test_exponents_are_distances_over_the_temperature(scale: float, temperature: float) -> None:
    distance = np.arange(0, 60000, 7)
    found = exponents(distance, tempered(score_unit(scale), round(temperature * 65536))) / 2.0**24
    t = round(temperature * 65536) / 65536
    wanted = distance * scale / t * math.log2(math.e)
    np.testing.assert_allclose(np.minimum(found, 32), np.minimum(wanted, 32), rtol=4e-9, atol=1e-7)


def test_only_the_likeliest_are_drawn() -> None:
    assert {Sampler(top_k=3, seed=seed).choose(SCORES, 0) for seed in range(300)} == {1, 2, 5}
    assert {Sampler(top_k=2, seed=seed).choose(SCORES, 0) for seed in range(300)} == {1, 2}
    assert {Sampler(0.0, seed=seed).choose(SCORES, 0) for seed in range(20)} == {1}
    assert {Sampler(5.0, top_k=1, seed=seed).choose(SCORES, 0) for seed in range(20)} == {1}
    assert {Sampler(1e-4, seed=seed).choose(SCORES, 0) for seed in range(20)} == {1}
    p = np.exp(SCORES) / np.exp(SCORES).sum()
    enough = float(p[1] + p[2])
    assert {Sampler(top_p=enough - 0.01, seed=seed).choose(SCORES, 0) for seed in range(300)} == {1, 2}
    assert {Sampler(top_p=enough + 0.01, seed=seed).choose(SCORES, 0) for seed in range(300)} == {1, 2, 5}
    assert {Sampler(top_p=1e-9, seed=seed).choose(SCORES, 0) for seed in range(300)} == {1}


def test_the_likeliest_of_equals_is_the_first() -> None:
    assert likeliest(SCORES, 4) == [1, 2, 5, 4]
    assert likeliest(np.array([3, 3, 4], np.int8), 9, scale=0.1) == [2, 0, 1]


def test_random_words_are_those_of_the_authors() -> None:
    """From kat_vectors of Random123, philox4x32 with 10 rounds."""
    assert philox(0, 0) == 0x6627E8D5
    assert philox((1 << 64) - 1, *[(1 << 32) - 1] * 4) == 0x408F276D
    assert philox(0x299F31D0A4093822, 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344) == 0xD16CFE09
    words = [philox(0x9E3779B97F4A7C15, k) for k in range(4096)]
    assert len(set(words)) == 4096
    assert abs(np.mean(words) / 2**32 - 0.5) < 4 * (1 / 12 / 4096) ** 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"temperature": -1}, "temperature"), ({"temperature": math.nan}, "temperature"), ({"top_k": -1}, "top_k"),
     ({"top_p": 0}, "top_p"), ({"top_p": 1.5}, "top_p"), ({"seed": -1}, "64 bits"), ({"seed": 1 << 64}, "64 bits")],
)  # fmt: skip
def test_values_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sampler(**arguments)  # type: ignore[arg-type]


def test_other_scores_are_refused() -> None:
    with pytest.raises(UsageError, match=r"one row"):
        Sampler().choose(np.zeros((2, 3), np.float32), 0)
    with pytest.raises(UsageError, match="need the scale"):
        Sampler().choose(np.zeros(3, np.int16), 0)
    with pytest.raises(UsageError, match="found int64"):
        Sampler().choose(np.zeros(3, np.int64), 0)
    with pytest.raises(UsageError, match="32 bits"):
        Sampler().choose(SCORES, 1 << 32)


def test_floats_are_rounded_to_65536ths() -> None:
    integers, unit = integer_scores(np.float32([1.0, -1.5 / 65536, 2.4 / 65536, 1e9]), None)
    assert integers.tolist() == [65536, -2, 2, 32767 << 16]
    assert unit == score_unit(FLOAT_SCALE) == (1549082005, 22)
