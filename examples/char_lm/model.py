"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.char_lm.data import BYTES, LANGUAGES

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class LanguageOf(nn.Module):
    """Bytes [B, T] to scores of the languages after each of them, [B, T, 12]."""

    def __init__(self, embedding: int = 32, hidden: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(BYTES, embedding)
        self.gru = nn.GRU(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(LANGUAGES))

    def forward(self, text: Tensor) -> Tensor:
        output, _ = self.gru(self.dropout(self.embedding(text)))
        scores: Tensor = self.head(self.dropout(output))
        return scores
