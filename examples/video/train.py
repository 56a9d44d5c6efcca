"""Train the model of directions: python -m examples.video.train

Three seeds, each scored on the held-out films, which take no part in training or in choosing anything; the weights
written are those of the first. About three minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.common import digits
from examples.common.digits import Digits
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.video import data
from examples.video.model import WEIGHTS, Direction
from examples.video.run import TASK

CONFIG = Optimization(epochs=10, learning_rate=8e-3, weight_decay=1e-4)
BATCH, BATCHES = 64, 60


def epoch(known: Digits, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of new films, and their directions."""
    for _ in range(BATCHES):
        films = data.films(known, BATCH, rng)
        yield torch.from_numpy(films.frames), torch.from_numpy(films.labels)


def train(known: Digits, seed: int, config: Optimization = CONFIG) -> Direction:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Direction()
    loss = nn.CrossEntropyLoss()
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model(batch[0]), batch[1]), config, f"seed {seed}")
    return model.eval()


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = digits.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {digits.MEMBER}",
        "split": f"the last {len(held_out)} of {len(known) + len(held_out)} images are held out",
        "held_out_films": len(data.held_out()),
        "config": {**asdict(CONFIG), "films": CONFIG.epochs * BATCHES * BATCH},
    }
    return train_seeds(
        lambda seed: train(known, seed),
        lambda model: {"score": round(TASK.score(answers(model, TASK.held_out())), 2)},
        WEIGHTS, about,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
