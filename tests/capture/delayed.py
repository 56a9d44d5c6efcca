"""Models whose frames need frames after them, as people write them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class Same(nn.Module):
    """Convolutions padded on both sides, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(5, 8, 3, padding=1), nn.BatchNorm1d(8)
        self.second = nn.Conv1d(8, 8, 5, padding=2)
        self.gru, self.out = nn.GRU(8, 7, batch_first=True), nn.Linear(7, 3)

    def states(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.relu(self.norm(self.first(x.transpose(1, 2))))
        frames, last = self.gru(torch.relu(self.second(y)).transpose(1, 2))
        return frames, last

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.out(self.states(x)[0])
        return scores


class SameLast(Same):
    """The same, with an answer at the end."""

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.out(self.states(x)[1][-1])
        return scores


class Valid(nn.Module):
    """Without padding: fewer frames come out than go in."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm, self.out = nn.Conv1d(5, 8, 3), nn.LSTM(8, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.out(self.lstm(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))[0])
        return scores


class ValidLast(Valid):
    """The same, with an answer at the end, which is known at once."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, -1]


class Residual(nn.Module):
    """Skips around convolutions that look ahead, with dilation."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv1d(5, 5, 5, padding="same", dilation=2), nn.Conv1d(5, 5, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        y = y + torch.relu(self.wide(y))
        return (y + torch.relu(self.narrow(y))).transpose(1, 2)


class Mixed(nn.Module):
    """Paths of different delays, outputs of each frame and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv1d(5, 8, 3, padding=1), nn.Linear(11, 3)
        self.late, self.early = nn.GRU(8, 7, batch_first=True), nn.GRU(5, 4, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = torch.sigmoid(self.conv(x.transpose(1, 2))).transpose(1, 2)
        (a, h), (b, k) = self.late(y), self.early(x)
        return self.out(torch.cat([a, b], -1)), torch.cat([h[-1], k[-1], y.mean(1)], -1), y.max(1).values


class Pooled(nn.Module):
    """Pooling over time, padded on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.largest = nn.Conv1d(5, 8, 3, padding=1), nn.MaxPool1d(3, 1, 1)
        self.average = nn.AvgPool1d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.average(self.largest(self.largest(self.conv(x.transpose(1, 2))))).transpose(1, 2)
        return pooled


class Differences(nn.Module):
    """Of frames two apart, read by a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames: Tensor = self.gru(x[:, 2:] - x[:, :-2])[0]
        return frames


class WithoutLast(Differences):
    """The last state before the last two frames."""

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.gru(x[:, :-2])[1][-1]
        return last


class Longer(nn.Module):
    """More frames come out than go in."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru = nn.Conv1d(5, 4, 3, padding=2), nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames: Tensor = self.gru(torch.tanh(self.conv(x.transpose(1, 2))).transpose(1, 2))[0]
        return frames


class Attended(nn.Module):
    """Attention pooling over frames that look ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.score, self.out = nn.Conv1d(5, 6, 3, padding=1), nn.Linear(6, 1), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        answer: Tensor = self.out((torch.softmax(self.score(y), 1) * y).sum(1))
        return answer


class Image(nn.Module):
    """Convolution over time and features, padded on all sides, then a recurrent layer (CRNN)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.pool, self.lstm = nn.MaxPool2d((1, 2)), nn.LSTM(4, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(torch.relu(self.first(x[:, None])))
        y = self.pool(torch.relu(self.second(y)))
        frames: Tensor = self.lstm(y.permute(0, 2, 1, 3).flatten(2))[0]
        return frames


class Padded(nn.Module):
    """Zeros around what a layer gave, not around the input: frames of which the model must not compute the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.conv = nn.Linear(5, 4), nn.Conv1d(4, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(self.linear(x)).transpose(1, 2)
        return self.conv(pad(y, (1, 2))).transpose(1, 2)


MODELS: dict[type[nn.Module], tuple[int, int]] = {
    Same: (3, 3), SameLast: (3, 3), Valid: (2, 0), ValidLast: (2, 0), Residual: (5, 5), Mixed: (1, 1), Pooled: (4, 4),
    Differences: (2, 0), WithoutLast: (2, 0), Longer: (0, 2), Attended: (1, 1), Image: (2, 2), Padded: (2, 2),
}  # fmt: skip
"""Class -> delay and tail; each takes "1,T,5"."""
