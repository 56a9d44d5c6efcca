"""The example that labels words: what the model reads of a word, and how names are scored."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from examples.labelling import chunks, data, run
from examples.labelling.data import LABELS, NAMES, PARTS, Alphabet, script_of

needs_sentences = pytest.mark.skipif(not data.PACKAGE.installed, reason=data.PACKAGE.install)


def test_a_word_is_itself_its_characters_and_its_script() -> None:
    alphabet = Alphabet({"東京": 4}, {"東": 5, "京": 6, "都": 7}, {"CJK": 8, "MIXED": 9})
    assert alphabet.symbols("東京") == [4, 5, 6, 5, 6, 8]
    assert alphabet.symbols("東京都") == [data.RARE_WORD, 5, 6, 6, 7, 8]
    assert alphabet.symbols("都") == [data.RARE_WORD, 7, data.NO_SYMBOL, data.NO_SYMBOL, 7, 8]
    assert alphabet.symbols("犬x") == [data.RARE_WORD, data.RARE_CHARACTER, *[data.RARE_CHARACTER] * 3, 9]
    assert alphabet.symbols("。")[-1] == data.RARE_SCRIPT
    assert alphabet.size == 10


@pytest.mark.parametrize(
    ("word", "script"),
    [("羅臼", "CJK"), ("ローマ", "KATAKANA"), ("の", "HIRAGANA"), ("７", "DIGIT"), ("km", "LATIN"), ("カ所", "MIXED")],
)
def test_scripts_are_told_apart(word: str, script: str) -> None:
    assert script_of(word) == script


@needs_sentences
def test_sentences_are_whole_and_held_out_ones_come_last() -> None:
    known, held_out = data.train_and_held_out()
    assert (len(known), len(held_out)) == (400, 100)
    assert max(map(len, known.words + held_out.words)) <= data.MAX_WORDS
    assert "".join(known.words[0]).startswith("2005年7月14日、南アフリカ共和国ダーバンで")
    assert [NAMES[k] for k in known.names[0][:8]] == ["B-DAT", *["I-DAT"] * 5, "O", "B-LOC"]
    assert [PARTS[k] for k in known.parts[0][:2]] == ["名詞", "名詞"]
    for side in (known, held_out):
        for columns in zip(side.words, side.symbols, side.parts, side.names, side.details, strict=True):
            assert len({len(column) for column in columns}) == 1
    assert int(max(map(np.max, chain(known.symbols, held_out.symbols)))) < data.alphabet().size


@needs_sentences
def test_words_that_only_held_out_sentences_have_are_rare() -> None:
    known, held_out = data.train_and_held_out()
    seen = set(chain(*known.words))
    new = [
        symbols for words, rows in zip(held_out.words, held_out.symbols, strict=True)
        for word, symbols in zip(words, rows, strict=True) if word not in seen
    ]  # fmt: skip
    assert new and all(symbols[0] == data.RARE_WORD for symbols in new)


@needs_sentences
def test_names_are_scored_by_words() -> None:
    wanted = data.train_and_held_out()[1].names

    def scores(labels: list[np.ndarray]) -> list[np.ndarray]:  # type: ignore[type-arg]
        return [np.eye(LABELS, dtype=np.float32)[len(PARTS) + row] for row in labels]

    assert run.f1_of_names(scores(list(wanted))) == 100
    assert run.f1_of_names(scores([np.full_like(row, run.OUTSIDE) for row in wanted])) == 0
    first = [np.where(np.arange(len(row)) % 2, run.OUTSIDE, row) for row in wanted]
    right = sum(int(np.sum((a == b) & (b != run.OUTSIDE))) for a, b in zip(first, wanted, strict=True))
    total = sum(int(np.sum(row != run.OUTSIDE)) for row in wanted)
    assert run.f1_of_names(scores(first)) == pytest.approx(100 * 2 * right / (right + total))


def test_the_last_chunk_is_filled_up() -> None:
    words = np.arange(1, 31).reshape(5, 6)
    assert np.array_equal(chunks.in_chunks(words, 4)[:5], words)
    assert chunks.in_chunks(words, 4).shape == (8, 6) and not chunks.in_chunks(words, 4)[5:].any()
    assert np.array_equal(chunks.in_chunks(words, 5), words)
