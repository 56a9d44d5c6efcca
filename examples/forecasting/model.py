"""The forecaster, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.forecasting.data import FEATURES, HORIZONS_H

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Forecaster(nn.Module):
    """Hours [B, T, 10] to the demand in kWh 1 and 24 hours after each, [B, T, 2]."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, hidden, batch_first=True)
        self.head = nn.Linear(hidden, len(HORIZONS_H))

    def forward(self, hours: Tensor) -> Tensor:
        output, _ = self.gru(hours)
        demand: Tensor = self.head(output)
        return demand
