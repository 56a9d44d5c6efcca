"""A small language model with random weights, for what writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import edgernn

SYMBOLS = 29


class Language(nn.Module):
    """Symbols [B, T] to scores of the next one, [B, T, SYMBOLS]."""

    def __init__(self, end: str = "scores", outputs: int = SYMBOLS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 6)
        self.gru = nn.GRU(6, 16, batch_first=True)
        self.scores = nn.Linear(16, outputs)
        self.end = end
        with torch.no_grad():
            self.scores.weight.mul_(8)

    def forward(self, symbols: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.gru(self.embedding(symbols))[0])
        if self.end == "probabilities":
            return scores.softmax(-1)
        return scores.log_softmax(-1) if self.end == "logarithms" else scores


def converted(scheme: str, end: str = "scores", outputs: int = SYMBOLS) -> edgernn.Model:
    """The model in a scheme."""
    torch.manual_seed(3)
    model = edgernn.convert(Language(end, outputs).eval(), inputs="int:1,T", name="writer")
    if scheme == "float32":
        return model
    rng = np.random.default_rng(0)
    return model.quantize([{"symbols": rng.integers(0, SYMBOLS, (60, 1))} for _ in range(4)], scheme)


def saved(model: edgernn.Model, folder: Path, *suffixes: str) -> list[Path]:
    """Artifacts of a model."""
    paths = [folder / f"writer{suffix}" for suffix in suffixes]
    for path in paths:
        model.save(path)
    return paths
