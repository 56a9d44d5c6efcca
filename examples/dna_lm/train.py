"""Train the model of DNA: python -m examples.dna_lm.train

Three seeds, each scored on the held-out stretches, which take no part in training or in choosing anything; the weights
written are those of the first.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import torch

from examples.common import language
from examples.common.task import answers
from examples.common.training import Optimization, train_seeds
from examples.dna_lm import data, markov
from examples.dna_lm.model import WEIGHTS, BaseModel
from examples.dna_lm.run import MOST_BASES, TASK

CONFIG = Optimization(epochs=12, learning_rate=6e-3, weight_decay=1e-2)
BATCH, LENGTH = 64, 96


def train(corpus: data.Corpus, seed: int, config: Optimization = CONFIG) -> BaseModel:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    model = BaseModel()
    language.train(model, model.carried, corpus.known, (BATCH, LENGTH), seed, config)
    return model.eval()


def score(model: BaseModel) -> dict[str, Any]:
    """Bits for each of the held-out bases."""
    return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 4)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    corpus = data.load()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version}: chromosome I of three species",
        "split": f"by stretch: every {data.EVERY}th of S. cerevisiae is held out, and what resembles it is left out",
        "known_bases": sum(len(part) for part in corpus.known),
        "held_out_bases": sum(len(row) for row in corpus.held_out),
        "bits_by_the_last_bases": [round(bits, 4) for bits in markov.bits(corpus, MOST_BASES)],
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(corpus, seed), score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
