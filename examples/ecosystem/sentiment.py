# mypy: disable-error-code="no-any-return"
"""Sentiment of a film review: the LSTM of the IMDB tutorials, with embedding and packed sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class SentimentLSTM(nn.Module):
    """Token indices [B, T] and lengths [B] to one score [B, 1]; above 0 is a good review."""

    def __init__(
        self,
        vocab_size: int = 10_000,
        embedding_dim: int = 100,
        hidden_dim: int = 128,
        output_dim: int = 1,
        n_layers: int = 2,
        dropout: float = 0.5,
        pad_idx: int = 1,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_idx)
        self.rnn = nn.LSTM(embedding_dim, hidden_dim, num_layers=n_layers, dropout=dropout, batch_first=True)
        self.fc = nn.Linear(hidden_dim, output_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: Tensor, text_lengths: Tensor) -> Tensor:
        embedded = self.dropout(self.embedding(text))
        packed = pack_padded_sequence(embedded, text_lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_output, (hidden, cell) = self.rnn(packed)
        output, output_lengths = pad_packed_sequence(packed_output, batch_first=True)
        return self.fc(self.dropout(hidden[-1]))


INPUTS = ["int:1,T", "length:1"]


def fresh() -> SentimentLSTM:
    """The model with new weights, the same ones each time."""
    torch.manual_seed(0)
    return SentimentLSTM().eval()
