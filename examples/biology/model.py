"""The model, written for whole windows."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.biology.data import BASES, CLASSES

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class SpliceSite(nn.Module):
    """Bases [B, T] to scores of the classes [B, 3].

    A first convolution reads motifs of seven bases, a dilated one those that stood 8, 16, 24 and 32 bases before: how
    far apart motifs are is what tells a site. The GRU collects.
    """

    def __init__(self, embedding: int = 8, channels: int = 24, hidden: int = 32, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(BASES) + 1, embedding)
        self.motifs = nn.Sequential(
            nn.Conv1d(embedding, channels, 7, padding="same"), nn.BatchNorm1d(channels), nn.ReLU(), nn.Dropout(dropout)
        )
        self.distances = nn.Sequential(
            nn.ConstantPad1d((32, 0), 0.0), nn.Conv1d(channels, channels, 5, dilation=8), nn.BatchNorm1d(channels),
            nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(CLASSES))

    def forward(self, bases: Tensor) -> Tensor:
        features = self.distances(self.motifs(self.embedding(bases).transpose(1, 2)))
        output, _ = self.gru(features.transpose(1, 2))
        scores: Tensor = self.head(self.dropout(output[:, -1]))
        return scores
