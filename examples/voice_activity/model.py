"""The model, written for whole scenes. It begins with audio samples: the front end is converted with it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from edgernn.features import LogMel, Normalise
from examples.voice_activity.data import HOP, RATE_HZ

WEIGHTS = Path(__file__).with_name("weights.safetensors")
MELS = 24
LOWEST_HZ = 60.0
FLOOR = 0.02


class VoiceActivity(nn.Module):
    """Samples [B, T, 128] to a score for each frame, [B, T, 1]: above 0 where somebody speaks.

    Windows of 32 ms every 16 ms, magnitudes in bands of the mel scale, their logarithm, normalised by the mean and the
    deviation over training scenes.
    """

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.mel = LogMel(RATE_HZ, 2 * HOP, 2 * HOP, HOP, MELS, LOWEST_HZ, power=1.0, floor=FLOOR)
        self.normalise = Normalise(torch.zeros(MELS), torch.ones(MELS))
        self.gru = nn.GRU(MELS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, frames: Tensor) -> Tensor:
        output, _ = self.gru(self.normalise(self.mel(frames)))
        scores: Tensor = self.head(output)
        return scores
