"""Train the classifier: python -m examples.sentiment.train

Three seeds, each scored on the held-out sentences, which take no part in training or in choosing anything; the weights
written are those of the first. About three minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.common.task import answers, by_length, share_right
from examples.common.training import Optimization, optimize, train_seeds
from examples.sentiment import data
from examples.sentiment.data import Sentences
from examples.sentiment.model import WEIGHTS, Sentiment

CONFIG = Optimization(epochs=5, learning_rate=4e-3, weight_decay=0.05)
BATCH = 32
UNKNOWN_SHARE = 0.1
SMOOTHING = 0.1


def epoch(known: Sentences, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of sentences of one length, some words of them unknown, and their labels."""
    order = rng.permutation(len(known))
    groups = list(by_length([known.words[k] for k in order], BATCH))
    for chosen in rng.permutation(len(groups)):
        indices = order[groups[chosen]]
        words = np.stack([known.words[k] for k in indices])
        words = np.where(rng.random(words.shape) < UNKNOWN_SHARE, 0, words)
        yield torch.from_numpy(words), torch.from_numpy(known.labels[indices])


def train(known: Sentences, seed: int, config: Optimization = CONFIG) -> Sentiment:
    """A trained classifier; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Sentiment()
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model(batch[0]), batch[1]), config, f"seed {seed}")
    return model.eval()


def accuracy(model: nn.Module, sentences: Sentences) -> float:
    """Percent of the sentences whose polarity is recognised."""
    return share_right(sentences.labels)(answers(model, sentences.words))


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.MEMBER}",
        "split": "by review or editorial, a tenth held out",
        "train_sentences": len(known),
        "held_out_sentences": len(held_out),
        "always_positive_accuracy": round(100 * float(held_out.labels.mean()), 2),
        "config": asdict(CONFIG),
    }
    return train_seeds(
        lambda seed: train(known, seed), lambda model: {"score": round(accuracy(model, held_out), 2)}, WEIGHTS, about,
        torch.float16,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
