"""The model of the pedal, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("weights.safetensors")
LOUDNESS = 8.0
"""Of weights at first: samples are small, some tens of millivolts."""


class Pedal(nn.Module):
    """Samples in volts [B, T, 1] to what comes out of the pedal, [B, T, 1]: to the input something is added."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        nn.init.uniform_(self.lstm.get_parameter("weight_ih_l0"), -LOUDNESS, LOUDNESS)
        self.head = nn.Linear(hidden, 1)

    def forward(self, sound: Tensor) -> Tensor:
        output, _ = self.lstm(sound)
        wet: Tensor = self.head(output) + sound
        return wet
