"""Train the recogniser: python -m examples.connected_digits.train

Three seeds, each scored on the held-out numbers, whose recordings take no part in training or in choosing anything; the
weights written are those of the first. About eight minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.connected_digits import data
from examples.connected_digits.data import Number
from examples.connected_digits.model import BLANK, WEIGHTS, ConnectedDigits
from examples.connected_digits.run import TASK
from examples.spoken_digits.data import Recordings
from examples.spoken_digits.train import Config, augmented, padded

CONFIG = Optimization(epochs=45, learning_rate=5e-3)
VARIATION = Config()
"""Of each recording: speed, level, noise, as for ``examples.spoken_digits``."""
BATCH, BATCHES = 16, 36
"""Numbers a batch, batches an epoch: nearly all that the recordings make."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Frames [B, T, 13], lengths [B]; digits of all numbers one after another, digits of each number [B]."""


def epoch(recordings: Recordings, rng: np.random.Generator, std: NDArray[np.float32]) -> Iterator[Batch]:
    """Every recording once, varied, in numbers."""
    varied = tuple(augmented(frames, std, VARIATION, rng) for frames in recordings.frames)
    changed = Recordings(varied, recordings.labels)
    numbers = [data.joined(changed, group) for group in data.numbers(rng.permutation(len(changed)), rng)]
    for k in range(BATCHES):
        yield _batch(numbers[k * BATCH : (k + 1) * BATCH])


def _batch(numbers: list[Number]) -> Batch:
    frames, lengths = padded([number.frames for number in numbers])
    spoken = [digit for number in numbers for digit in number.digits]
    return frames, lengths, torch.tensor(spoken), torch.tensor([len(number.digits) for number in numbers])


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Connectionist temporal classification (Graves et al., 2006)."""
    frames, lengths, spoken, counts = batch
    chances = torch.log_softmax(model(frames), dim=-1).transpose(0, 1)
    return nn.functional.ctc_loss(chances, spoken, lengths, counts, blank=BLANK)


def train(recordings: Recordings, seed: int, config: Optimization = CONFIG) -> ConnectedDigits:
    """A trained recogniser; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = ConnectedDigits()
    frames = np.concatenate(recordings.frames)
    model.mean.copy_(torch.from_numpy(frames.mean(axis=0)))
    model.std.copy_(torch.from_numpy(frames.std(axis=0)))
    std = model.std.numpy()
    optimize(model, lambda: epoch(recordings, rng, std), lambda b: loss(model, b), config, f"seed {seed}")
    return model


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    recordings = data.known()
    held_out = data.held_out()
    about = {
        "data": f"{data.PACKAGE}=={data.VERSION} {data.MEMBER}",
        "split": "by recording, as spoken_digits; held-out numbers are made of held-out recordings alone",
        "held_out_numbers": len(held_out),
        "held_out_digits": sum(len(number.digits) for number in held_out),
        "config": asdict(CONFIG),
        "variation": asdict(VARIATION),
    }

    def score(model: ConnectedDigits) -> dict[str, float]:
        return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 3)}

    return train_seeds(lambda seed: train(recordings, seed), score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
