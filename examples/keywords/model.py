"""The model, written for whole clips. It begins with audio samples: the front end is converted with it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from edgernn.features import LogMel, Normalise
from examples.keywords.data import HOP, LABELS, RATE_HZ

WEIGHTS = Path(__file__).with_name("weights.safetensors")
MELS = 32
LOWEST_HZ = 60.0
FLOOR = 0.02


class Keywords(nn.Module):
    """Samples [B, T, 128] to scores of ten commands, other words and noise, [B, 12], after the last frame.

    Windows of 32 ms every 16 ms, magnitudes in bands of the mel scale, their logarithm, normalised by the mean and the
    deviation over training clips; a convolution over five frames, and a GRU.
    """

    def __init__(self, channels: int = 48, hidden: int = 80, dropout: float = 0.2) -> None:
        super().__init__()
        self.mel = LogMel(RATE_HZ, 2 * HOP, 2 * HOP, HOP, MELS, LOWEST_HZ, power=1.0, floor=FLOOR)
        self.normalise = Normalise(torch.zeros(MELS), torch.ones(MELS))
        self.conv = nn.Conv1d(MELS, channels, 5, padding=2)
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(LABELS))

    def forward(self, frames: Tensor) -> Tensor:
        features = self.normalise(self.mel(frames)).transpose(1, 2)
        output, _ = self.gru(self.dropout(torch.relu(self.conv(features)).transpose(1, 2)))
        scores: Tensor = self.head(self.dropout(output[:, -1]))
        return scores
