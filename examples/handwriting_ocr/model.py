"""The model, written for whole lines."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from examples.handwriting_ocr.data import ROWS, SYMBOLS

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class LineReader(nn.Module):
    """Columns [B, T, 10] to logarithms of the chances of the blank and the ten digits, [B, T / 2, 11].

    The first pooling makes one of two rows and of two columns, the second of two rows alone.
    """

    def __init__(self, channels: tuple[int, int] = (8, 16), hidden: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        first, second = channels
        self.cnn = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1), nn.BatchNorm2d(first), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1), nn.BatchNorm2d(second), nn.ReLU(), nn.MaxPool2d((1, 2)),
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(second * (ROWS // 4), hidden, batch_first=True)
        self.head = nn.Linear(hidden, SYMBOLS)

    def forward(self, columns: Tensor) -> Tensor:
        features = self.cnn(columns.unsqueeze(1)).transpose(1, 2).flatten(2)
        output, _ = self.gru(self.dropout(features))
        scores: Tensor = self.head(self.dropout(output)).log_softmax(-1)
        return scores
