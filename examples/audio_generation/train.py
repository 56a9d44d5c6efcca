"""Train the sample generator: python -m examples.audio_generation.train

Each seed is scored on held-out phrases, which take no part in training or in choosing anything; the weights written are
those of the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from examples.audio_generation import data
from examples.audio_generation.analysis import HOP, RATE_HZ
from examples.audio_generation.codec import CODES
from examples.audio_generation.data import Spoken
from examples.audio_generation.model import WEIGHTS, SampleGenerator
from examples.audio_generation.run import TASK
from examples.common import kjv
from examples.common.language import Part
from examples.common.synthesis import PACKAGE
from examples.common.task import answers
from examples.common.training import Optimization, optimize, train_seeds

CONFIG = Optimization(epochs=20, learning_rate=5e-3, weight_decay=1e-4)
BATCH, LENGTH = 64, 160
NOISY = 1.0
"""The most, in codes, that what the network reads is off: what it writes will be, too."""


def noise(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Errors of codes [T], of a size that changes each tenth of a second."""
    size = np.repeat(rng.uniform(0, NOISY, length // HOP // 10 + 1), HOP * 10)[:length]
    return np.rint(rng.standard_normal(length) * size).astype(np.int64)


def parts(known: Sequence[Spoken], rng: np.random.Generator) -> Iterator[Part]:
    """Phrases one after the other, in random order, as BATCH streams cut into parts of LENGTH samples."""
    chosen = [known[k] for k in rng.permutation(len(known))]
    pairs = [spoken.encoded(noise(len(spoken.samples), rng)) for spoken in chosen]
    frames, codes = (torch.from_numpy(np.concatenate(rows)) for rows in zip(*pairs, strict=True))
    columns = len(codes) // BATCH
    streams = frames[: columns * BATCH].reshape(BATCH, columns, -1), codes[: columns * BATCH].reshape(BATCH, columns)
    for start in range(0, columns - LENGTH, LENGTH):
        part = slice(start, start + LENGTH)
        yield start == 0, streams[0][:, part], streams[1][:, part]


def train(known: Sequence[Spoken], seed: int, config: Optimization = CONFIG) -> SampleGenerator:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = SampleGenerator()
    state: Tensor | None = None

    def loss(part: Part) -> Tensor:
        nonlocal state
        begins, frames, codes = part
        scores, state = model.carried(frames, None if begins else state)
        return nn.functional.cross_entropy(scores.flatten(0, 1), codes.flatten())

    optimize(model, lambda: parts(known, rng), loss, config, f"seed {seed}")
    return model.eval()


def unigram_bits(known: Sequence[Spoken], held_out: Sequence[Spoken]) -> float:
    """Bits for each held-out code when it is foreseen by its frequency alone."""
    counts = np.bincount(np.concatenate([spoken.encoded()[1] for spoken in known]), minlength=CODES) + 1
    codes = np.concatenate([spoken.encoded()[1] for spoken in held_out])
    return float(-np.log2(counts / counts.sum())[codes].mean())


def score(model: SampleGenerator) -> dict[str, Any]:
    """Bits for each of the held-out samples."""
    return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 4)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    known, held_out = data.known(), data.held_out()
    about = {
        "data": f"{kjv.PACKAGE.package}=={kjv.PACKAGE.version} said by {PACKAGE.package}=={PACKAGE.version}",
        "split": f"by chapter: every {kjv.EVERY}th is held out",
        "known_s": round(sum(len(spoken.samples) for spoken in known) / RATE_HZ, 1),
        "held_out_s": round(sum(len(spoken.samples) for spoken in held_out) / RATE_HZ, 1),
        "unigram_bits": round(unigram_bits(known, held_out), 3),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(known, seed), score, WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
