"""The language models: their texts, their splits, their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edgernn
from examples.common import kjv, language
from examples.common.training import Optimization
from examples.text_generation import data as characters
from examples.text_generation import write as writing
from examples.text_generation.model import CharacterModel
from examples.text_generation.write import Sampler, on_board, on_engine, write
from examples.word_lm import data as words
from examples.word_lm import suggest

needs_text = pytest.mark.skipif(not kjv.PACKAGE.installed, reason=kjv.PACKAGE.install)


@needs_text
def test_every_twentieth_chapter_is_held_out() -> None:
    known, held_out = kjv.train_and_held_out()
    assert len(known) + len(held_out) == 1189
    assert len(held_out) == 1189 // kjv.EVERY
    assert held_out[0].startswith("And Abraham journeyed from thence")
    assert not set(known) & set(held_out)


@needs_text
def test_the_vocabulary_is_of_what_training_sees() -> None:
    corpus = words.load()
    assert len(set(corpus.vocabulary)) == words.WORDS
    assert corpus.vocabulary[:3] == (words.UNKNOWN, ",", "the")
    counts = np.bincount(np.concatenate(corpus.known), minlength=words.WORDS)
    assert counts.min() > 0 and (np.diff(counts[1:]) <= 0).all()
    assert words.words("And God's light; it was") == ["and", "god's", "light", ";", "it", "was"]
    assert [corpus.vocabulary[k] for k in corpus.numbers("the Xyzzy,")] == ["the", words.UNKNOWN, ","]


@needs_text
def test_characters_are_read_and_written_alike() -> None:
    chapter = characters.load().held_out[0]
    text = characters.as_text(chapter)
    assert text.startswith("\nAnd Abraham") and text.endswith("\n")
    assert np.array_equal(characters.as_numbers(text), chapter)


def test_surprise_is_the_negative_logarithm_of_the_softmax() -> None:
    scores = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 5
    frames = torch.tensor([4, 0, 1, 1, 3, 2])
    wanted = torch.nn.functional.cross_entropy(scores[:-1], frames[1:], reduction="none")
    found = language.surprise(frames.numpy(), scores.numpy())
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)
    assert language.perplexity([found]) == pytest.approx(float(wanted.mean().exp()), rel=1e-5)
    assert language.bits([found]) == pytest.approx(float(wanted.mean()) / np.log(2), rel=1e-5)


def test_parts_follow_each_other() -> None:
    chapters = [np.arange(10 * k, 10 * k + 10) for k in range(8)]
    parts = list(language.parts(chapters, (2, 7), np.random.default_rng(0)))
    assert [begins for begins, _, _ in parts] == [True] + [False] * (len(parts) - 1)
    whole = torch.cat([symbols for _, symbols, _ in parts], dim=1)
    following = torch.cat([after for _, _, after in parts], dim=1)
    assert torch.equal(whole[:, 1:], following[:, :-1])
    assert whole.shape[0] == 2


def test_training_learns_and_is_reproducible() -> None:
    torch.set_num_threads(1)
    text = [np.tile(np.arange(5), 40) for _ in range(4)]
    losses = []
    for epochs in (1, 8, 8):
        torch.manual_seed(1)
        model = CharacterModel(embedding=4, hidden=12)
        language.train(model, model.carried, text, (4, 10), 1, Optimization(epochs, 2e-2))
        with torch.no_grad():
            scores = model(torch.from_numpy(text[0])[None])[0]
        losses.append(float(language.surprise(text[0], scores.numpy()).mean()))
    assert losses[1] == losses[2] < 0.5 * losses[0]


@needs_text
def test_suggestions_are_the_likeliest_words() -> None:
    vocabulary = words.load().vocabulary
    scores = np.zeros(words.WORDS, np.float32)
    scores[[0, 7, 3, 9]] = [9, 8, 7, 6]
    assert suggest.suggestions(scores) == [vocabulary[7], vocabulary[3], vocabulary[9]]


@needs_text
def test_suggesting_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suggest.main(["and"], tmp_path / "none.so") == 2
    assert "make example NAME=word_lm" in capsys.readouterr().err
    assert suggest.main([], tmp_path / "none.so") == 2
    assert "give a text" in capsys.readouterr().err


SCORES = np.array([0.0, 3.0, 2.5, -1.0, 1.0], np.float32)


def test_a_sampler_repeats_itself_and_keeps_to_the_likeliest() -> None:
    drawn = [Sampler(7, 1.0, 3).choose(SCORES, position) for position in range(400)]
    assert drawn == [Sampler(7, 1.0, 3).choose(SCORES, position) for position in range(400)]
    assert drawn != [Sampler(8, 1.0, 3).choose(SCORES, position) for position in range(400)]
    assert set(drawn) == {1, 2, 4}
    assert {Sampler(seed, 0.0).choose(SCORES, 0) for seed in range(20)} == {1}
    assert {Sampler(seed, 5.0, 1).choose(SCORES, 0) for seed in range(20)} == {1}


def test_a_sampler_draws_as_often_as_the_scores_say() -> None:
    count = 4000
    drawn = [Sampler(1, 2.0, 5).choose(SCORES, position) for position in range(count)]
    wanted = np.exp(SCORES / 2) / np.exp(SCORES / 2).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=5) / count, wanted, atol=4 * 0.5 / count**0.5)


def test_the_same_seed_writes_the_same_text_on_engines_and_a_board(tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = CharacterModel(embedding=6, hidden=16).eval()
    with torch.no_grad():
        module.scores.weight.mul_(8)
    rng = np.random.default_rng(0)
    calibration = [{"characters": rng.integers(0, len(characters.ALPHABET), (40, 1))} for _ in range(4)]
    model = edgernn.convert(module, inputs="int:1,T", name="writer").quantize(calibration)
    for suffix in (".ern", ".so"):
        model.save(tmp_path / f"writer{suffix}")
    portable = tmp_path / "writer.ern"
    ways = [on_engine(tmp_path / "writer.so"), on_engine(portable, "reference"), on_board(portable, "microbit")]
    texts = []
    for way in ways:
        with way as step:
            texts.append(write(step, "In", 60, Sampler(5, 1.0)))
    assert texts[0] == texts[1] == texts[2]
    with on_engine(portable) as step:
        assert write(step, "In", 60, Sampler(6, 1.0)) != texts[0]


def test_writing_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert writing.main(["And"], tmp_path / "none.so") == 2
    assert "make example NAME=text_generation" in capsys.readouterr().err
