# mypy: disable-error-code="no-any-return"
"""The next 24 values of one series from 7 measured ones: a two-layer GRU with hand-made initial state."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GRUForecaster(nn.Module):
    """Measurements [B, T, 7] to the next 24 values [B, 24]."""

    def __init__(
        self,
        input_size: int = 7,
        hidden_size: int = 64,
        num_layers: int = 2,
        horizon: int = 24,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.gru = nn.GRU(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
        self.fc = nn.Linear(hidden_size, horizon)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        out, h = self.gru(x, h0)
        out = self.fc(self.relu(out[:, -1]))
        return out


INPUTS = ["1,T,7"]


def fresh() -> GRUForecaster:
    """The model with new weights, the same ones each time."""
    torch.manual_seed(0)
    return GRUForecaster().eval()
