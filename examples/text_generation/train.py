"""Train the character model: python -m examples.text_generation.train

Three seeds, each scored on the held-out chapters, which take no part in training or in choosing anything; the weights
written are those of the first. About twenty minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import torch

from examples.common import kjv, language
from examples.common.task import answers
from examples.common.training import Optimization, train_seeds
from examples.text_generation import data
from examples.text_generation.model import WEIGHTS, CharacterModel
from examples.text_generation.run import TASK

CONFIG = Optimization(epochs=5, learning_rate=6e-3, weight_decay=1e-4)
BATCH, LENGTH = 64, 64


def train(corpus: data.Corpus, seed: int, config: Optimization = CONFIG) -> CharacterModel:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    model = CharacterModel()
    language.train(model, model.carried, corpus.known, (BATCH, LENGTH), seed, config)
    return model


def score(model: CharacterModel) -> dict[str, Any]:
    """Bits for each of the held-out characters."""
    return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 4)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    corpus = data.load()
    about = {
        "data": f"{kjv.PACKAGE.package}=={kjv.PACKAGE.version} {kjv.MEMBER}",
        "split": f"by chapter: every {kjv.EVERY}th is held out",
        "held_out_characters": sum(len(chapter) for chapter in corpus.held_out),
        "unigram_bits": round(data.unigram_bits(corpus), 3),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(corpus, seed), score, WEIGHTS, about, torch.float16)


if __name__ == "__main__":
    sys.exit(main())
