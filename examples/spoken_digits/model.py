"""The classifier, written for whole sequences as people write them: nothing here knows of streaming."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class SpokenDigits(nn.Module):
    """MFCC frames [B, T, 13] to digit scores [B, 10], read off the state after the last frame.

    The buffers `mean` and `std` [13] hold the statistics of the training frames, so that the model
    takes raw features.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, coefficients: int = 13, hidden: int = 48, digits: int = 10, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(coefficients))
        self.register_buffer("std", torch.ones(coefficients))
        self.gru = nn.GRU(coefficients, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, digits)

    def hidden_states(self, frames: Tensor) -> Tensor:
        """The GRU's output after every frame, [B, T, hidden]."""
        output: Tensor
        output, _ = self.gru((frames - self.mean) / self.std)
        return output

    def forward(self, frames: Tensor) -> Tensor:
        last = self.hidden_states(frames)[:, -1]
        scores: Tensor = self.head(self.dropout(last))
        return scores


def trained(weights: Path = WEIGHTS) -> SpokenDigits:
    """The classifier with the weights that `train.py` wrote, in evaluation mode."""
    model = SpokenDigits()
    model.load_state_dict(load_file(weights))
    return model.eval()
