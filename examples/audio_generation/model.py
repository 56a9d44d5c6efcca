"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.audio_generation.analysis import BANDS
from examples.audio_generation.codec import CODES, PAST

WEIGHTS = Path(__file__).with_name("weights.safetensors")
COLUMNS = PAST + 2 + BANDS


class SampleGenerator(nn.Module):
    """What went before each sample, and pitch, voicing and mel spectrum of its frame, [B, T, COLUMNS], to scores of its
    code, [B, T, CODES]."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.gru = nn.GRU(COLUMNS, hidden, batch_first=True)
        self.scores = nn.Linear(hidden, CODES)

    def forward(self, frames: Tensor) -> Tensor:
        output, _ = self.gru(frames)
        scores: Tensor = self.scores(output)
        return scores

    def carried(self, frames: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """As ``forward``, from a state to the next: for training on parts of a long stream."""
        output, h = self.gru(frames, state)
        return self.scores(output), h.detach()
