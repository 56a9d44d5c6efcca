"""The classifier, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.sentiment.data import CLASSES, WORDS

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Sentiment(nn.Module):
    """Words [B, T] to scores of the two classes [B, 2], from the largest of each feature over the sentence."""

    def __init__(self, embedding: int = 32, hidden: int = 48, dropout: float = 0.5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, embedding)
        self.gru = nn.GRU(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(CLASSES))
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, words: Tensor) -> Tensor:
        output, _ = self.gru(self.dropout(self.embedding(words)))
        scores: Tensor = self.head(self.dropout(output.max(dim=1).values))
        return scores
