"""The model, written for whole strokes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from examples.handwriting.data import KINDS

WEIGHTS = Path(__file__).with_name("weights.safetensors")
MEAN_SPEED = 3.0
RESTING = 0.05
"""How far a pen moves that rests: where it goes does not count as much."""

FARTHEST = 8.0
"""How far it moves on the paper from one position to the next; what is farther is a jump."""


class StrokeKind(nn.Module):
    """Positions of a pen [B, T, 2] to scores of the kinds of strokes after each but the first, [B, T - 1, 24].

    The GRU sees where the pen goes, as a direction of length 1, and how far. The place on the paper does not matter,
    nor does, for the direction, the speed of the pen.
    """

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.head = nn.Linear(hidden, len(KINDS))

    def forward(self, positions: Tensor) -> Tensor:
        moves = (positions[:, 1:] - positions[:, :-1]).clamp(-FARTHEST, FARTHEST)
        across, down = moves[..., :1], moves[..., 1:]
        distance = torch.sqrt(across.square() + down.square())
        features = torch.cat([moves / distance.clamp(min=RESTING), distance / MEAN_SPEED], dim=-1)
        output, _ = self.gru(features)
        scores: Tensor = self.head(output)
        return scores
