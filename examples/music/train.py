"""Train the chorale model: python -m examples.music.train

Three seeds, each scored on the held-out chorales, which take no part in training or in choosing anything; the weights
written are those of the first. About fifteen minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray

from examples.common import language
from examples.common.task import answers
from examples.common.training import Optimization, train_seeds
from examples.music import data
from examples.music.data import Chorale
from examples.music.model import WEIGHTS, ChoraleModel
from examples.music.run import TASK

CONFIG = Optimization(epochs=16, learning_rate=8e-3, weight_decay=1e-2)
BATCH, LENGTH = 32, 96
FURTHEST = 5
"""Semitones by which a chorale may be transposed, up or down."""


class Transposed(Sequence[NDArray[np.int64]]):
    """Symbols of chorales, each time in another key that all voices can sing."""

    def __init__(self, chorales: Sequence[Chorale], seed: int) -> None:
        self.chorales = chorales
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.chorales)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.int64]: ...

    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.int64]]: ...

    def __getitem__(self, index: int | slice) -> NDArray[np.int64] | list[NDArray[np.int64]]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        symbols = self.chorales[index].symbols
        notes = symbols[symbols < data.PITCHES]
        down, up = min(FURTHEST, int(notes.min())), min(FURTHEST, data.PITCHES - 1 - int(notes.max()))
        return np.where(symbols < data.PITCHES, symbols + self.rng.integers(-down, up + 1), symbols)


def train(chorales: Sequence[Chorale], seed: int, config: Optimization = CONFIG) -> ChoraleModel:
    """A trained model; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    model = ChoraleModel()
    language.train(model, model.carried, Transposed(chorales, seed), (BATCH, LENGTH), seed, config)
    return model


def score(model: ChoraleModel) -> dict[str, float]:
    """Of the held-out chorales."""
    return {"score": round(TASK.score(answers(model, TASK.held_out(), TASK.summary)), 4)}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    corpus = data.load()
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.FOLDER}/{data.PATTERN}",
        "split": f"by melody: every {data.EVERY}th beginning of a melody is held out",
        "known_chorales": len(corpus.known),
        "held_out_chorales": len(corpus.held_out),
        "held_out_notes": sum(chorale.notes for chorale in corpus.held_out),
        "unigram_nats": round(data.unigram_nats(corpus), 3),
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(corpus.known, seed), score, WEIGHTS, about, torch.float16)


if __name__ == "__main__":
    sys.exit(main())
