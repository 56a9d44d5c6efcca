"""The example that reads dates: its splits and symbols, batches of pairs, and training."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import torch

from edgernn import Seq2Seq
from examples.common.attention import END, SYMBOLS, Size, translator
from examples.common.training import Optimization
from examples.common.translation import NOT_WANTED, Pairs, attention, epoch, share_exact, train
from examples.dates import data as dates

needs_babel = pytest.mark.skipif(not dates.PACKAGE.installed, reason=dates.PACKAGE.install)


def reversal(count: int = 64) -> Pairs:
    """Rows of two symbols, and the same the other way round."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(SYMBOLS, SYMBOLS + 3, 2) for _ in range(count)]
    return Pairs(tuple(rows), tuple(row[::-1].copy() for row in rows))


def test_batches_have_all_pairs_and_ends() -> None:
    pairs = Pairs(tuple(np.full(n, 5) for n in (2, 3, 2, 3, 3)), tuple(np.full(n, 6) for n in (1, 2, 3, 1, 1)))
    batches = list(epoch(pairs, 2, np.random.default_rng(1)))
    assert sorted(len(sources) for sources, _ in batches) == [1, 2, 2]
    lengths = [int((row == 6).sum()) for _, targets in batches for row in targets]
    assert sorted(lengths) == [1, 1, 1, 2, 3]
    assert all(row[-1] == END for _, targets in batches for row in targets)


def test_a_translator_learns_and_looks_where_it_should() -> None:
    torch.manual_seed(0)
    model = translator(Size(inputs=8, outputs=8, embedding=8, hidden=16, dropout=0.0), max_output=4)
    pairs = reversal()
    train(model, pairs, 16, 0, Optimization(epochs=40, learning_rate=2e-2))
    found = [np.asarray(model.generate(torch.from_numpy(source)[None])) for source in pairs.sources]
    assert share_exact(pairs.targets, found) > 95
    symbols, weights = attention(model, pairs.sources[0])
    assert symbols.tolist() == [*pairs.targets[0].tolist(), END]
    assert weights.shape == (3, 2) and np.allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_what_follows_an_end_is_not_trained_on() -> None:
    class Recorded(Seq2Seq):
        def forward(self, source: torch.Tensor, target: torch.Tensor, lengths: object = None) -> torch.Tensor:
            scores = super().forward(source, target)
            scores.retain_grad()
            seen.append((scores, target))
            return scores

    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    plain = translator(Size(8, 8, 4, 8), 4)
    model = Recorded(plain.encoder, plain.decoder, start=1, end=END, max_output=4)
    pairs = Pairs(tuple(np.full(2, 5) for _ in range(2)), (np.asarray([6]), np.asarray([6, 6, 6])))
    train(model, pairs, 2, 0, Optimization(epochs=1, learning_rate=1e-3))
    scores, target = seen[0]
    short = int((target == END).sum(1).argmax())
    used = scores.grad.abs().sum(-1) > 0  # type: ignore[union-attr]
    assert used[short].tolist() == [True, True, False, False] and used[1 - short].all()
    assert NOT_WANTED < 0


@needs_babel
def test_dates_are_read_in_the_way_most_locales_write_them() -> None:
    ways = {(way.locale, way.length): way for way in dates.writers()}
    assert ways["de", "long"].write(date(2019, 3, 7)) == "7. März 2019"
    numbers = [way for way in ways.values() if way.write(date(2019, 3, 7)) in ("03/07/2019", "07/03/2019")]
    assert len({way.write(date(2019, 3, 7)) for way in numbers}) <= 1
    assert dates.characters() == dates.SOURCES.vocabulary
    assert not {"en", "de", "zh", "ar"} & {way.language for way in ways.values() if dates.is_other(way.language)}


@needs_babel
def test_held_out_dates_and_languages_are_held_out() -> None:
    held = dates.held_out()
    assert all(dates.is_held_out(date.fromisoformat(dates.iso(row))) for row in held.pairs.targets)
    assert not any(dates.is_other(locale.partition("_")[0]) for locale in held.locales)
    assert all(dates.is_other(locale.partition("_")[0]) for locale in dates.other_languages().locales)
    assert max(map(len, held.texts)) <= dates.MAX_CHARACTERS
