"""Train the activity classifier: python -m examples.classification.train

Three seeds, each scored on the windows of the three held-out people, who take no part in training or in choosing
anything; the weights written are those of the first. About four minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from examples.classification import data
from examples.classification.data import WINDOW, Recordings
from examples.classification.model import WEIGHTS, Activity
from examples.common.task import Answer, answers, share_right
from examples.common.training import Optimization, optimize, train_seeds

CONFIG = Optimization(epochs=20, learning_rate=4e-3)
BATCH = 64
TURN_STD_RAD = 0.2
GAIN_STD = 0.1
NOISE_STD = 0.05
SMOOTHING = 0.05


def turned(windows: Tensor, generator: torch.Generator) -> Tensor:
    """Windows [B, T, 6] as seen by a watch that sits a little differently: each is turned about a random axis."""
    axis_angle = torch.randn(len(windows), 3, generator=generator) * TURN_STD_RAD
    skew = torch.zeros(len(windows), 3, 3)
    for axis, (row, column) in enumerate(((2, 1), (0, 2), (1, 0))):
        skew[:, row, column] = axis_angle[:, axis]
        skew[:, column, row] = -axis_angle[:, axis]
    rotation = torch.linalg.matrix_exp(skew).transpose(1, 2)
    return torch.cat([windows[..., :3] @ rotation, windows[..., 3:] @ rotation], dim=-1)


def varied(windows: Tensor, std: Tensor, generator: torch.Generator) -> Tensor:
    """Turned, stronger or weaker, with noise."""
    gain = 1 + GAIN_STD * torch.randn(len(windows), 1, 1, generator=generator)
    noise = NOISE_STD * std * torch.randn(windows.shape, generator=generator)
    return turned(windows, generator) * gain + noise


def epoch(known: Recordings, std: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of windows from random places, one for each second of the recordings, and their exercises."""
    windows, labels = [], []
    for frames, label in zip(known.frames, known.labels, strict=True):
        count = (len(frames) - WINDOW) // data.HOP + 1
        for start in torch.randint(0, len(frames) - WINDOW + 1, (count,), generator=generator).tolist():
            windows.append(frames[start : start + WINDOW])
            labels.append(int(label))
    stacked, wanted = torch.from_numpy(np.stack(windows)), torch.tensor(labels)
    for chosen in torch.split(torch.randperm(len(wanted), generator=generator), BATCH):
        yield varied(stacked[chosen], std, generator), wanted[chosen]


def train(known: Recordings, seed: int, config: Optimization = CONFIG) -> Activity:
    """A trained classifier; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Activity()
    frames = np.concatenate(known.frames)
    model.mean.copy_(torch.from_numpy(frames.mean(axis=0)))
    model.std.copy_(torch.from_numpy(frames.std(axis=0)))
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimize(
        model, lambda: epoch(known, model.std, generator), lambda b: loss(model(b[0]), b[1]), config, f"seed {seed}"
    )
    return model.eval()


def accuracy(model: nn.Module, recordings: Recordings) -> float:
    """Percent of the windows whose exercise is recognised."""
    windows, labels = data.windows(recordings)
    found: list[Answer] = answers(model, windows)
    return share_right(labels)(found)


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.MEMBER}",
        "split": f"subjects {data.HELD_OUT_SUBJECTS} are held out",
        "held_out_windows": len(data.windows(held_out)[0]),
        "config": asdict(CONFIG),
    }
    return train_seeds(
        lambda seed: train(known, seed), lambda model: {"score": round(accuracy(model, held_out), 2)}, WEIGHTS, about
    )


if __name__ == "__main__":
    sys.exit(main())
