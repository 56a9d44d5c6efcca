"""Train the classifier of strokes: python -m examples.handwriting.train

Three seeds, each scored on the strokes of the held-out characters, which take no part in training or in choosing
anything; the weights written are those of the first. About ten minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.handwriting import data
from examples.handwriting.data import Stroke
from examples.handwriting.model import WEIGHTS, StrokeKind
from examples.handwriting.run import TASK

CONFIG = Optimization(epochs=6, learning_rate=6e-3, weight_decay=1e-4)
BATCH = 128
SKEW_STD = 0.05

Batch = tuple[Tensor, Tensor, Tensor]


def epoch(known: Sequence[Stroke], rng: np.random.Generator) -> Iterator[Batch]:
    """Batches of strokes of like length, drawn a little differently each time: positions, their numbers, kinds."""
    drawn = [data.along(_skewed(stroke.curve, rng), rng.uniform(*data.SPEED)) for stroke in known]
    order = np.argsort([len(positions) + rng.normal() for positions in drawn])
    for chosen in rng.permutation(-(-len(order) // BATCH)):
        indices = order[chosen * BATCH : (chosen + 1) * BATCH]
        positions = [torch.from_numpy(drawn[k]) for k in indices]
        labels = torch.tensor([known[k].label for k in indices])
        padded = nn.utils.rnn.pad_sequence(positions, batch_first=True)
        yield padded, torch.tensor([len(each) for each in positions]), labels


def _skewed(curve: data.Points, rng: np.random.Generator) -> data.Points:
    return curve @ (np.eye(2) + rng.normal(0, SKEW_STD, (2, 2)))


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Cross entropy after every position, and once more after the last."""
    positions, lengths, labels = batch
    scores = model(positions).transpose(1, 2)
    wanted = labels[:, None].expand(-1, scores.shape[-1])
    each = nn.functional.cross_entropy(scores, wanted, reduction="none")
    inside = torch.arange(scores.shape[-1])[None] < lengths[:, None] - 1
    return 0.2 * each[inside].mean() + each[torch.arange(len(labels)), lengths - 2].mean()


def train(known: Sequence[Stroke], seed: int, config: Optimization = CONFIG) -> StrokeKind:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = StrokeKind()
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.known(), data.held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.FOLDER}/{data.PATTERN}",
        "split": "by character",
        "kinds": data.KINDS,
        "train_strokes": len(known),
        "held_out_strokes": len(held_out),
        "config": asdict(CONFIG),
    }
    return train_seeds(
        lambda seed: train(known, seed),
        lambda model: {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 2)},
        WEIGHTS, about,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
