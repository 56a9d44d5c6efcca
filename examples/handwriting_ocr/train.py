"""Train the reader of lines: python -m examples.handwriting_ocr.train

Three seeds, each scored on the held-out lines, which take no part in training; the distortions and the number of epochs
were chosen by the score of the first seed. The weights written are those of the first. About ten minutes on one core.
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
from examples.handwriting_ocr import data
from examples.handwriting_ocr.data import BLANK
from examples.handwriting_ocr.model import WEIGHTS, LineReader
from examples.handwriting_ocr.run import TASK

CONFIG = Optimization(epochs=15, learning_rate=8e-3, weight_decay=1e-3, gradient_norm=5.0)
BATCH, BATCHES = 64, 80
DISTORTION_STD = 0.12
SHIFT_STD = 0.06
DISTORTED_FOR = 8
BRIGHTNESS = (0.6, 1.0)
NOISE_STD = 0.05

Batch = tuple[Tensor, Tensor, Tensor]


def distorted(known: Digits, generator: torch.Generator) -> Digits:
    """The images, each a little turned, sheared, scaled, shifted and darkened, as other hands would write them."""
    count = len(known)
    change = torch.cat([
        torch.eye(2) + DISTORTION_STD * torch.randn(count, 2, 2, generator=generator),
        SHIFT_STD * torch.randn(count, 2, 1, generator=generator),
    ], dim=2)  # fmt: skip
    images = torch.from_numpy(known.images)[:, None]
    grid = nn.functional.affine_grid(change, list(images.shape), align_corners=False)
    moved = nn.functional.grid_sample(images, grid, align_corners=False)[:, 0]
    brightness = torch.empty(count, 1, 1).uniform_(*BRIGHTNESS, generator=generator)
    return Digits((moved * brightness).numpy(), known.labels)


def epoch(known: Digits, rng: np.random.Generator, generator: torch.Generator) -> Iterator[Batch]:
    """Batches of new lines with noise: columns, how many of them, and digits from 1 to 10."""
    for k in range(BATCHES):
        if k % DISTORTED_FOR == 0:
            images = distorted(known, generator)
        lines = data.lines(images, BATCH, rng)
        columns = [torch.from_numpy(each) for each in lines.columns]
        padded = nn.utils.rnn.pad_sequence(columns, batch_first=True)
        noisy = padded + NOISE_STD * torch.randn(padded.shape, generator=generator)
        yield noisy.clamp(0, 1), torch.tensor([len(each) for each in columns]), torch.from_numpy(lines.texts + 1)


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Connectionist temporal classification: all ways to write the text, with blanks and repetitions."""
    columns, lengths, texts = batch
    sizes = torch.full((len(texts),), texts.shape[1])
    return nn.functional.ctc_loss(model(columns).transpose(0, 1), texts, lengths // 2, sizes, BLANK)


def train(known: Digits, seed: int, config: Optimization = CONFIG) -> LineReader:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    model = LineReader()
    optimize(model, lambda: epoch(known, rng, generator), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = digits.train_and_held_out()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {digits.MEMBER}",
        "split": f"the last {len(held_out)} of {len(known) + len(held_out)} images are held out",
        "held_out_lines": len(data.held_out()),
        "config": {**asdict(CONFIG), "lines": CONFIG.epochs * BATCHES * BATCH},
    }
    return train_seeds(
        lambda seed: train(known, seed),
        lambda model: {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 2)},
        WEIGHTS, about,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
