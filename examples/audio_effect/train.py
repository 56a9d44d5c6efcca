"""Train the model of the pedal: python -m examples.audio_effect.train

Three seeds, trained on one guitar and scored on the other, which takes no part in training or in choosing anything; the
weights written are those of the first. About six minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from examples.audio_effect import data
from examples.audio_effect.data import PRE_EMPHASIS, RATE_HZ, Played
from examples.audio_effect.model import WEIGHTS, Pedal
from examples.common import guitars
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds

CONFIG = Optimization(epochs=25, learning_rate=1e-2, weight_decay=0.0)
BATCH, LENGTH, UNSCORED = 192, 240, 48
SILENCE_V2 = 1e-6


def epoch(played: Played, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches [B, T, 1] from random places, before and after the pedal."""
    dry, wet = (torch.from_numpy(sound) for sound in (played.dry, played.wet))
    for _ in range(len(dry) // (BATCH * (LENGTH - UNSCORED))):
        places = rng.integers(0, len(dry) - LENGTH, BATCH)[:, None] + np.arange(LENGTH)
        yield dry[places, None], wet[places, None]


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Energy of the errors over that of the sound, after pre-emphasis, and the same of their means."""
    dry, wet = batch
    error = (model(dry) - wet)[:, UNSCORED:]
    wanted = wet[:, UNSCORED:]
    emphasized = [x[:, 1:] - PRE_EMPHASIS * x[:, :-1] for x in (error, wanted)]
    shape = emphasized[0].square().mean() / (emphasized[1].square().mean() + SILENCE_V2)
    mean: Tensor = error.mean(dim=1).square().mean() / (wanted.square().mean() + SILENCE_V2)
    return shape + mean


def train(known: Played, seed: int, config: Optimization = CONFIG) -> Pedal:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Pedal()
    optimize(model, lambda: epoch(known, rng), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


def score(model: nn.Module, held_out: Played) -> dict[str, Any]:
    """Error-to-signal ratios in percent: that after pre-emphasis is the score."""
    found = answers(model, [held_out.dry[:, None]])[0][:, 0]
    return {
        "score": round(data.error_to_signal(held_out.wet, found), 4),
        "without_pre_emphasis": round(data.error_to_signal(held_out.wet, found, 0), 4),
    }


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} example_sounds",
        "split": f"by guitar: {guitars.KNOWN} is trained on, {guitars.HELD_OUT} is held out",
        "held_out_s": len(held_out.dry) / RATE_HZ,
        "input_alone": round(data.error_to_signal(held_out.wet, data.scaled(held_out)), 2),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(known, seed), lambda model: score(model, held_out), WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
