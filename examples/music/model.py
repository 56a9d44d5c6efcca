"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.music.data import SYMBOLS

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class ChoraleModel(nn.Module):
    """Symbols [B, T] to scores of the next one after each of them, [B, T, 57]."""

    def __init__(self, embedding: int = 32, hidden: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(hidden, SYMBOLS)

    def forward(self, symbols: Tensor) -> Tensor:
        output, _ = self.lstm(self.embedding(symbols))
        scores: Tensor = self.scores(self.dropout(output))
        return scores

    def carried(self, symbols: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As ``forward``, from a state to the next: for training on parts of a long sequence."""
        output, (h, c) = self.lstm(self.embedding(symbols), state)
        return self.scores(self.dropout(output)), (h.detach(), c.detach())
