"""The model, written for whole films."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.video.data import DIRECTIONS, SIZE

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Direction(nn.Module):
    """Films [B, T, 16, 16] to scores of the directions [B, 8]: a CNN for each frame, then a GRU."""

    def __init__(self, channels: int = 8, hidden: int = 32) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        self.gru = nn.GRU(channels * (SIZE // 4) ** 2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, len(DIRECTIONS))

    def forward(self, films: Tensor) -> Tensor:
        batch, time, rows, columns = films.shape
        features = self.cnn(films.reshape(batch * time, 1, rows, columns))
        output, _ = self.gru(features.reshape(batch, time, -1))
        scores: Tensor = self.head(output[:, -1])
        return scores
