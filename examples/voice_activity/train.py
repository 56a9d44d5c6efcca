"""Train the detector: python -m examples.voice_activity.train

Three seeds, each scored on the held-out call, which takes no part in training or in choosing anything; the weights
written are those of the first. About eight minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.common import voices
from examples.common.synthesis import PACKAGE, Waveform
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.voice_activity import data
from examples.voice_activity.model import WEIGHTS, VoiceActivity
from examples.voice_activity.run import TASK, balanced_accuracy

CONFIG = Optimization(epochs=8, learning_rate=1e-2)
BATCH, BATCHES = 32, 20
BACKGROUNDS = 300

Batch = tuple[Tensor, Tensor]
"""Frames [B, T, 128]; whether somebody speaks, 0 or 1, [B, T]."""


def epoch(backgrounds: Sequence[Waveform], rng: np.random.Generator) -> Iterator[Batch]:
    """Scenes that have not been heard before."""
    for _ in range(BATCHES):
        scenes = [data.scene(data.phrases(), backgrounds, rng) for _ in range(BATCH)]
        frames, speech = np.stack([scene.frames for scene in scenes]), np.stack([scene.speech for scene in scenes])
        yield torch.from_numpy(frames), torch.from_numpy(speech.astype(np.float32))


@torch.no_grad()
def normalise_from(model: VoiceActivity, batches: Iterable[Batch]) -> None:
    """Put the mean and deviation of each band over scenes into the model."""
    bands = torch.cat([model.mel(frames) for frames, _ in batches]).flatten(0, 1)
    model.normalise.mean.copy_(bands.mean(dim=0))
    model.normalise.std.copy_(bands.std(dim=0))


def train(seed: int, config: Optimization = CONFIG) -> VoiceActivity:
    """A trained detector; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = VoiceActivity()
    backgrounds = data.backgrounds(BACKGROUNDS, rng)
    normalise_from(model, epoch(backgrounds, rng))
    loss = nn.BCEWithLogitsLoss()
    optimize(
        model, lambda: epoch(backgrounds, rng), lambda b: loss(model(b[0]).squeeze(-1), b[1]), config, f"seed {seed}"
    )
    return model


def score(model: VoiceActivity) -> dict[str, float]:
    """Of the call in all conditions, and in each."""
    scenes, found = data.held_out(), answers(model, TASK.held_out(), TASK.summary)
    rows = {"score": round(TASK.score(found), 2)}
    for about in dict.fromkeys(scene.about for scene in scenes):
        chosen = [k for k, scene in enumerate(scenes) if scene.about == about]
        rows[about] = round(balanced_accuracy([scenes[k] for k in chosen], [found[k] for k in chosen]), 2)
    return rows


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.RECORDING}; to train on "
        f"{PACKAGE.package}=={PACKAGE.version}, {voices.__name__}",
        "split": "trained on synthetic voices; held out is a call of people",
        "held_out_frames": sum(len(scene.speech) for scene in data.held_out()),
        "config": asdict(CONFIG),
    }
    return train_seeds(train, score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
