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
from examples.text_generation.model import CharacterModel
from examples.text_generation.write import on_board, on_engine
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
    vocabulary = words.TOKENIZER.vocabulary
    assert words.vocabulary_of(kjv.train_and_held_out()[0]) == vocabulary
    assert len(set(vocabulary)) == words.WORDS
    assert vocabulary[:3] == (words.UNKNOWN, ",", "the")
    counts = np.bincount(np.concatenate(corpus.known), minlength=words.WORDS)
    assert counts.min() > 0 and (np.diff(counts[1:]) <= 0).all()
    assert words.TOKENIZER.split("And God's light; it was") == ["and", "god's", "light", ";", "it", "was"]
    assert [vocabulary[k] for k in words.TOKENIZER.encode("the Xyzzy,")] == ["the", words.UNKNOWN, ","]


@needs_text
def test_characters_are_read_and_written_alike() -> None:
    chapter = characters.load().held_out[0]
    text = characters.TOKENIZER.decode(chapter)
    assert text.startswith("And Abraham") and (chapter[0], chapter[-1]) == (0, 0)
    assert [*characters.TOKENIZER.prompt(text), 0] == chapter.tolist()


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


def test_suggestions_are_the_likeliest_words() -> None:
    vocabulary = words.TOKENIZER.vocabulary
    scores = np.zeros(words.WORDS, np.float32)
    scores[[0, 7, 3, 9]] = [9, 8, 7, 6]
    assert suggest.suggestions(scores) == [vocabulary[7], vocabulary[3], vocabulary[9]]


def test_suggesting_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suggest.main(["and"], tmp_path / "none.so") == 2
    assert "make example NAME=word_lm" in capsys.readouterr().err
    assert suggest.main([], tmp_path / "none.so") == 2
    assert "give a text" in capsys.readouterr().err


def test_the_same_seeds_write_the_same_texts_on_engines_and_a_board(tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = CharacterModel(embedding=6, hidden=16).eval()
    with torch.no_grad():
        module.scores.weight.mul_(8)
    rng = np.random.default_rng(0)
    calibration = [{"characters": rng.integers(0, len(characters.ALPHABET), (40, 1))} for _ in range(4)]
    model = edgernn.convert(module, inputs="int:1,T", name="writer")
    model.tokenizer = characters.TOKENIZER
    for suffix in (".ern", ".so"):
        model.quantize(calibration).save(tmp_path / f"writer{suffix}")
    portable, prompts = tmp_path / "writer.ern", ("In", "And", "In")
    texts = on_engine(tmp_path / "writer.so", "native", prompts, 60)
    assert texts == on_engine(portable, "reference", prompts, 60) == on_board(portable, "microbit", prompts, 60)
    assert len(set(texts)) == 3 and all("\n" not in text for text in texts)
