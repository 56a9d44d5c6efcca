"""Train the classifier of splice sites: python -m examples.biology.train

Three seeds, each scored on the held-out windows, which take no part in training; that the second convolution is dilated
was chosen by the score of the first seed. The weights written are those of the first. About three minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.biology import data
from examples.biology.data import BASES, Windows
from examples.biology.model import WEIGHTS, SpliceSite
from examples.biology.run import TASK
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds

CONFIG = Optimization(epochs=24, learning_rate=5e-3)
BATCH = 64
MUTATIONS = 0.08
SMOOTHING = 0.05


def epoch(known: Windows, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of windows, in each of which some bases are replaced by random ones, and their classes."""
    order = rng.permutation(len(known))
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        bases = known.bases[chosen]
        random = rng.integers(0, len(BASES), bases.shape)
        mutated = np.where(rng.random(bases.shape) < MUTATIONS, random, bases)
        yield torch.from_numpy(mutated), torch.from_numpy(known.labels[chosen])


def train(known: Windows, seed: int, config: Optimization = CONFIG) -> SpliceSite:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = SpliceSite()
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model(batch[0]), batch[1]), config, f"seed {seed}")
    return model.eval()


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.MEMBER}",
        "split": f"by family: windows that share {data.SHARED} bases in a row are on one side",
        "train_windows": len(known),
        "held_out_windows": len(held_out),
        "score_of_position_weights": round(data.score_of_position_weights(known, held_out), 2),
        "config": asdict(CONFIG),
    }
    return train_seeds(
        lambda seed: train(known, seed),
        lambda model: {"score": round(TASK.score(answers(model, TASK.held_out())), 2)},
        WEIGHTS, about,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
