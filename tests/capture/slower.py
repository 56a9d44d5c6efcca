"""Models that keep fewer frames than they are given, as people write them."""

import torch
from torch import Tensor, nn


class Strided(nn.Module):
    """A convolution that keeps every second frame, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 8, 3, stride=2, padding=1)
        self.gru, self.out = nn.GRU(8, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.out(self.gru(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))[0])
        return scores


class TwoStrides(nn.Module):
    """One frame of six, in two convolutions, and an answer at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(5, 8, 4, stride=2), nn.Conv1d(8, 8, 5, stride=3, padding=2)
        self.lstm, self.out = nn.LSTM(8, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.second(torch.relu(self.first(x.transpose(1, 2)))))
        scores: Tensor = self.out(self.lstm(y.transpose(1, 2))[0][:, -1])
        return scores


class Crnn(nn.Module):
    """Convolution and pooling over time and features, batch normalisation, then a GRU: one answer for four frames."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3, padding=1)
        self.pool, self.gru, self.out = nn.MaxPool2d(2), nn.GRU(6, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(torch.relu(self.norm(self.first(x[:, None, :, :4]))))
        y = self.pool(torch.relu(self.second(y)))
        scores: Tensor = self.out(self.gru(y.permute(0, 2, 1, 3).flatten(2))[0])
        return scores


class Pyramid(nn.Module):
    """Recurrent layers, each of which reads two frames of the one before as one (Chan et al., 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LSTM(5, 6, batch_first=True), nn.GRU(12, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.first(x)
        frames: Tensor = self.second(y.reshape(1, y.size(1) // 2, 12))[0]
        return frames


class EveryThird(nn.Module):
    """Two recurrent layers, of which the second sees every third frame."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.GRU(5, 6, batch_first=True), nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames: Tensor = self.second(self.first(x)[0][:, ::3])[0]
        return frames


class Framed(nn.Module):
    """Overlapping windows of a waveform, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.gru = nn.Linear(16, 9), nn.GRU(9, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames: Tensor = self.gru(torch.tanh(self.linear(x.flatten(1).unfold(1, 16, 5))))[0]
        return frames


class Spectrum(nn.Module):
    """Magnitudes of a short-time Fourier transform, then a GRU."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(9, 6, batch_first=True)
        self.register_buffer("window", torch.hann_window(16))

    def forward(self, x: Tensor) -> Tensor:
        frames: Tensor = self.gru(torch.fft.rfft(x.flatten(1).unfold(1, 16, 4) * self.window).abs())[0]
        return frames


class TwoRates(nn.Module):
    """Answers at the end, of frames of two rates."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.gru = nn.Conv1d(5, 6, 5, padding=2), nn.AvgPool1d(2), nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.conv(x.transpose(1, 2)))
        return torch.cat([self.gru(self.pool(y).transpose(1, 2))[1][-1], y.mean(2), y.amax(2)], -1)


MODELS: dict[type[nn.Module], tuple[int, int, int]] = {
    Strided: (2, 0, 0), TwoStrides: (6, 1, 1), Crnn: (4, 1, 1), Pyramid: (2, 0, 0), EveryThird: (3, 0, 0),
    Framed: (5, 3, 0), Spectrum: (4, 3, 0), TwoRates: (2, 1, 1),
}  # fmt: skip
"""Class -> hop, delay and tail; each takes "1,T,5", and of a waveform "1,T,1"."""
