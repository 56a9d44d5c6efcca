"""The tagger, written for whole sentences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn.utils import rnn

from examples.labelling.data import LABELS, SYMBOLS_OF_WORD, alphabet

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Tagger(nn.Module):
    """Symbols of words [B, T, 6] to scores [B, T, 28] of each: 11 parts of speech, then 17 labels of names."""

    def __init__(self, embedding: int = 24, hidden: int = 96, dropout: float = 0.6) -> None:
        super().__init__()
        self.embedding = nn.Embedding(alphabet().size, embedding)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(SYMBOLS_OF_WORD * embedding, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, LABELS)

    def forward(self, words: Tensor) -> Tensor:
        scores: Tensor = self.head(self.lstm(self._features(words))[0])
        return scores

    def padded(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Features of sentences of different lengths, padded at their ends, that the head reads: for training."""
        packed = rnn.pack_padded_sequence(self._features(words), lengths, batch_first=True, enforce_sorted=False)
        features: Tensor = self.dropout(rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0])
        return features

    def _features(self, words: Tensor) -> Tensor:
        features: Tensor = self.dropout(self.embedding(words).flatten(2))
        return features
