"""The classifier, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from examples.classification.data import CHANNELS, EXERCISES

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Activity(nn.Module):
    """Acceleration and rotation [B, T, 6] to scores of the exercises [B, 7].

    The buffers ``mean`` and ``std`` [6] hold the statistics of the training recordings: the model takes what the
    sensor gives.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, hidden: int = 32, dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("std", torch.ones(CHANNELS))
        self.gru = nn.GRU(CHANNELS, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(EXERCISES))

    def forward(self, frames: Tensor) -> Tensor:
        output, _ = self.gru((frames - self.mean) / self.std)
        scores: Tensor = self.head(self.dropout(output[:, -1]))
        return scores
