"""Train the language model: python -m examples.word_lm.train

Three seeds, each scored on the held-out chapters, which take no part in training or in choosing anything; the weights
written are those of the first. About eighteen minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import torch

from examples.common import kjv, language
from examples.common.task import answers
from examples.common.training import Optimization, train_seeds
from examples.word_lm import data
from examples.word_lm.model import WEIGHTS, WordModel
from examples.word_lm.run import TASK

CONFIG = Optimization(epochs=8, learning_rate=4e-3)
BATCH, LENGTH = 32, 48


def train(corpus: data.Corpus, seed: int, config: Optimization = CONFIG) -> WordModel:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    model = WordModel()
    language.train(model, model.carried, corpus.known, (BATCH, LENGTH), seed, config)
    return model


def score(model: WordModel) -> dict[str, Any]:
    """Perplexity of the held-out words."""
    return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 3)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    corpus = data.load()
    about = {
        "data": f"{kjv.PACKAGE.package}=={kjv.PACKAGE.version} {kjv.MEMBER}",
        "split": f"by chapter: every {kjv.EVERY}th is held out",
        "held_out_words": sum(len(chapter) for chapter in corpus.held_out),
        "unigram_perplexity": round(data.unigram_perplexity(corpus), 1),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(corpus, seed), score, WEIGHTS, about, torch.float16)


if __name__ == "__main__":
    sys.exit(main())
