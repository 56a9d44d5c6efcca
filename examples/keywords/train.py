"""Train the keyword spotter: python -m examples.keywords.train

Three seeds, each scored on the held-out clips, whose voices take no part in training or in choosing anything; the
weights written are those of the first. About fifteen minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.common import voices
from examples.common.synthesis import Waveform
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds
from examples.keywords import data
from examples.keywords.data import Words
from examples.keywords.model import WEIGHTS, Keywords
from examples.keywords.run import TASK

CONFIG = Optimization(epochs=10, learning_rate=6e-3)
BATCH = 64
SMOOTHING = 0.05
BACKGROUNDS = 500
MOST_HASTE = 0.12


def epoch(words: Words, backgrounds: Sequence[Waveform], rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Every word once, faster and higher or slower and lower, in noise: batches of frames and labels."""
    varied = tuple(hastened(sound, float(np.exp(rng.uniform(-1, 1) * MOST_HASTE))) for sound in words.sounds)
    clips = data.clips(Words(varied, words.labels), backgrounds, rng)
    for chosen in torch.split(torch.from_numpy(rng.permutation(len(clips.labels))), BATCH):
        yield torch.from_numpy(clips.frames)[chosen], torch.from_numpy(clips.labels)[chosen]


def hastened(sound: Waveform, speed: float) -> Waveform:
    """A sound at another speed and pitch, by linear interpolation."""
    places = np.arange(0, len(sound) - 1, speed)
    return np.interp(places, np.arange(len(sound)), sound).astype(np.float32) if len(sound) else sound


@torch.no_grad()
def normalise_from(model: Keywords, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Put the mean and deviation of each band over clips into the model."""
    bands = torch.cat([model.mel(frames) for frames, _ in batches]).flatten(0, 1)
    model.normalise.mean.copy_(bands.mean(dim=0))
    model.normalise.std.copy_(bands.std(dim=0))


def train(words: Words, seed: int, config: Optimization = CONFIG) -> Keywords:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Keywords()
    backgrounds = data.backgrounds(BACKGROUNDS, rng)
    normalise_from(model, epoch(words, backgrounds, rng))
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimize(model, lambda: epoch(words, backgrounds, rng), lambda b: loss(model(b[0]), b[1]), config, f"seed {seed}")
    return model


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    words = data.known_words()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version}, synthetic voices",
        "split": f"by voice: every {voices.EVERY}th group of variants is held out, and other words",
        "known_words": len(words.labels),
        "held_out_clips": len(data.held_out().labels),
        "config": asdict(CONFIG),
    }

    def score(model: Keywords) -> dict[str, float]:
        return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 2)}

    return train_seeds(lambda seed: train(words, seed), score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
