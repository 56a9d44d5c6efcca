"""Beam search over symbols: the likeliest of all texts, ends, lengths, and over sessions."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edgernn
from edgernn.errors import UsageError
from edgernn.runtime.decode import Sampler, beam_search, generate
from edgernn.runtime.decode.beam import resumable
from tests.runtime.decode.language import converted, saved

END, SIZE, LENGTH = 0, 4, 4


def table(seed: int) -> NDArray[np.float32]:
    """Scores [state, symbol, next symbol] of a decoder whose state counts."""
    return (np.random.default_rng(seed).normal(size=(LENGTH + 1, SIZE, SIZE)) * 1.5).astype(np.float32)


def probabilities(scores: NDArray[np.float32]) -> dict[tuple[tuple[int, ...], bool], float]:
    """log2 of every text after symbol 1, ended or of LENGTH symbols."""
    found = {}
    for length in range(LENGTH + 1):
        for text in itertools.product(range(1, SIZE), repeat=length):
            line = [1, *text, *([END] if length < LENGTH else [])]
            rows = [scores[k, symbol].astype(np.float64) for k, symbol in enumerate(line[:-1])]
            chances = [row[after] - np.log(np.exp(row).sum()) for row, after in zip(rows, line[1:], strict=True)]
            found[text, length < LENGTH] = float(sum(chances) / np.log(2))
    return found


@pytest.mark.parametrize("normalization", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_likeliest_of_all(seed: int, normalization: float) -> None:
    scores = table(seed)
    wanted = probabilities(scores)
    ranks = {key: log2 / (len(key[0]) + key[1]) ** normalization for key, log2 in wanted.items()}
    found = beam_search(
        lambda symbol, state: (scores[state, symbol], state + 1), 1, 0,
        width=300, length=LENGTH, end=END, normalization=normalization,
    )  # fmt: skip
    order = sorted(ranks, key=lambda key: -ranks[key])
    assert [(h.symbols, h.ended) for h in found[:20]] == order[:20]
    assert [h.log2 for h in found[:20]] == pytest.approx([wanted[key] for key in order[:20]], abs=6e-5)


def test_a_width_of_one_is_greedy_and_more_is_no_worse(tmp_path: Path) -> None:
    (path,) = saved(converted("int16x8"), tmp_path, ".so")
    with edgernn.load(path, raw=True) as session:
        greedy = generate(session, [3], 12, Sampler(0.0))
        scale = session.outputs[0].scale
        session.reset()
        begin = session.snapshot()
        (one,) = beam_search(resumable(session), 3, begin, width=1, length=12, scale=scale)
        many = beam_search(resumable(session), 3, begin, width=6, length=12, scale=scale)
    assert list(one.symbols) == greedy and not one.ended
    assert many[0].log2 >= one.log2
    assert len({h.symbols for h in many}) == 6


def test_nothing_follows_the_end() -> None:
    row = np.float32([3, 2, 0, 0])
    found = beam_search(lambda symbol, state: (row, None), 1, None, width=3, length=50, end=END)
    assert found[0].symbols == () and found[0].ended
    assert all(END not in h.symbols for h in found)


def test_mistakes() -> None:
    for arguments in ({"width": 0}, {"length": 0}, {"normalization": -1.0}):
        with pytest.raises(UsageError):
            beam_search(lambda symbol, state: (np.zeros(2, np.float32), None), 0, None, **arguments)  # type: ignore[arg-type]
