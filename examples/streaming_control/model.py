"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from examples.streaming_control.data import CHANNELS

WEIGHTS = Path(__file__).with_name("weights.safetensors")
DRIFT_SAMPLES = 200
ANGLE_GAIN, VELOCITY_GAIN = 3.0, 0.5


class GaitPhase(nn.Module):
    """Angle and angular velocity of the hip [B, T, 2] to cosine and sine of the phase after each sample, [B, T, 2].

    The sensor drifts, so the mean of the last two seconds is taken from the angle; before the first sample it was 0.
    """

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.past = nn.ConstantPad1d((DRIFT_SAMPLES - 1, 0), 0.0)
        self.mean = nn.AvgPool1d(DRIFT_SAMPLES, stride=1)
        self.gru = nn.GRU(CHANNELS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 2)

    def forward(self, hip: Tensor) -> Tensor:
        angle, velocity = hip[..., :1], hip[..., 1:]
        drift = self.mean(self.past(angle.transpose(1, 2))).transpose(1, 2)
        output, _ = self.gru(torch.cat([(angle - drift) * ANGLE_GAIN, velocity * VELOCITY_GAIN], dim=-1))
        phase: Tensor = self.head(output)
        return phase
