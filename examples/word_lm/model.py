"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from examples.word_lm.data import WORDS

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class WordModel(nn.Module):
    """Words [B, T] to scores of the next word after each of them, [B, T, 4096].

    One matrix is the embedding of what comes in and the layer that scores what comes next (tied weights:
    Press and Wolf, https://arxiv.org/abs/1608.05859).
    """

    def __init__(self, embedding: int = 64, hidden: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.narrow = nn.Linear(hidden, embedding)
        self.bias = nn.Parameter(torch.zeros(WORDS))
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)

    def forward(self, words: Tensor) -> Tensor:
        output, _ = self.lstm(self.dropout(self.embedding(words)))
        return self._scores(output)

    def _scores(self, output: Tensor) -> Tensor:
        narrow = self.dropout(self.narrow(self.dropout(output)))
        return nn.functional.linear(narrow, self.embedding.weight, self.bias)

    def carried(self, words: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As ``forward``, from a state to the next: for training on parts of a long text."""
        output, (h, c) = self.lstm(self.dropout(self.embedding(words)), state)
        return self._scores(output), (h.detach(), c.detach())

