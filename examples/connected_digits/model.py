"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from examples.connected_digits.data import COEFFICIENTS

WEIGHTS = Path(__file__).with_name("weights.safetensors")
LABELS = 11
"""The ten digits, and the blank, which is the last."""
BLANK = LABELS - 1


class ConnectedDigits(nn.Module):
    """MFCC frames [B, T, 13] to scores of the digits and the blank for each frame, [B, T, 11].

    The convolution looks two frames ahead: a stream answers two frames late. The buffers ``mean`` and ``std`` [13] are
    those of the training frames.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int = 48, hidden: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(COEFFICIENTS))
        self.register_buffer("std", torch.ones(COEFFICIENTS))
        self.conv = nn.Conv1d(COEFFICIENTS, channels, 5, padding=2)
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, LABELS)

    def forward(self, frames: Tensor) -> Tensor:
        normalised = ((frames - self.mean) / self.std).transpose(1, 2)
        output, _ = self.gru(self.dropout(torch.relu(self.conv(normalised)).transpose(1, 2)))
        scores: Tensor = self.head(self.dropout(output))
        return scores
