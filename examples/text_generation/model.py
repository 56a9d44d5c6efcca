"""The model, written for whole sequences."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.text_generation.data import ALPHABET

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class CharacterModel(nn.Module):
    """Characters [B, T] to scores of the next one after each of them, [B, T, 66]."""

    def __init__(self, embedding: int = 24, hidden: int = 144) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(ALPHABET), embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.scores = nn.Linear(hidden, len(ALPHABET))

    def forward(self, characters: Tensor) -> Tensor:
        output, _ = self.lstm(self.embedding(characters))
        scores: Tensor = self.scores(output)
        return scores

    def carried(self, characters: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As ``forward``, from a state to the next: for training on parts of a long text."""
        output, (h, c) = self.lstm(self.embedding(characters), state)
        return self.scores(output), (h.detach(), c.detach())
