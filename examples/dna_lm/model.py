"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.dna_lm.data import BASES

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class BaseModel(nn.Module):
    """Bases [B, T] to scores of the next one after each of them, [B, T, 4]."""

    def __init__(self, embedding: int = 8, hidden: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(BASES), embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(hidden, len(BASES))

    def forward(self, bases: Tensor) -> Tensor:
        output, _ = self.lstm(self.embedding(bases))
        scores: Tensor = self.scores(self.dropout(output))
        return scores

    def carried(self, bases: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As ``forward``, from a state to the next: for training on parts of a long sequence."""
        output, (h, c) = self.lstm(self.embedding(bases), state)
        return self.scores(self.dropout(output)), (h.detach(), c.detach())
