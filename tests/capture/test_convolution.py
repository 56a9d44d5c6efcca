"""Convolution and pooling over time: what looks back streams exactly, in float32 and in integers."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from tests.capture.support import prove


class Causal1d(nn.Module):
    """Dilated and depthwise convolutions with a residual around them, as in keyword spotting."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(6, 8, 3), nn.BatchNorm1d(8)
        self.depthwise, self.pointwise = nn.Conv1d(8, 8, 3, dilation=2, groups=8), nn.Conv1d(8, 8, 1)
        self.gru, self.out = nn.GRU(8, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm(self.first(pad(x.transpose(1, 2), (2, 0)))))
        y = y + relu(self.pointwise(self.depthwise(pad(y, (4, 0)))))
        frames: Tensor = self.out(self.gru(y.transpose(1, 2))[0])
        return frames


class Crnn(nn.Module):
    """Convolutions over time and features, both padded, with pooling over features between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=(0, 1)), nn.Conv2d(3, 4, 3, padding=(0, 1))
        self.pool = nn.MaxPool2d((1, 2))
        self.lstm = nn.LSTM(8, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(relu(self.first(pad(x[:, None], (0, 0, 2, 0)))))
        y = self.pool(relu(self.second(pad(y, (0, 0, 2, 0)))))
        frames: Tensor = self.lstm(y.permute(0, 2, 1, 3).flatten(2))[0]
        return frames


class Chomp(nn.Module):
    """A temporal convolutional network pads both sides and cuts the end off."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(4, 4, 2, padding=d, dilation=d) for d in (1, 2, 4))

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        for layer in self.layers:
            y = y + torch.tanh(layer(y)[..., : -layer.padding[0]])
        return y.transpose(1, 2)


class PerFrame(nn.Module):
    """A CNN on each frame of a film, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3), nn.ReLU(),
            nn.Conv2d(3, 4, 3, padding="same"), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.gru = nn.GRU(4, 5, batch_first=True)

    def forward(self, film: Tensor) -> Tensor:
        batch, frames = film.shape[:2]
        y = self.cnn(film.view(batch * frames, *film.shape[2:])).view(batch, frames, -1)
        last: Tensor = self.gru(y)[1][-1]
        return last


MODELS = [
    (Causal1d, "1,T,6", (6,)), (Crnn, "1,T,8", (8,)), (Chomp, "1,T,4", (4,)), (PerFrame, "1,T,2,6,6", (2, 6, 6)),
]  # fmt: skip
"""Class, input, shape of a frame."""


@pytest.mark.parametrize(("make", "inputs", "shape"), MODELS, ids=lambda value: getattr(value, "__name__", None))
def test_streams_as_the_whole_sequence_gives(make: type[nn.Module], inputs: str, shape: tuple[int, ...]) -> None:
    model = prove(make(), inputs)
    assert model.interface.inputs[0].shape == shape


@pytest.mark.parametrize(("make", "inputs", "shape"), MODELS, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4"])
def test_integers_are_the_same_on_every_engine(
    make: type[nn.Module], inputs: str, shape: tuple[int, ...], scheme: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frames = np.random.default_rng(1).standard_normal((4, 20, *shape)).astype(np.float32)
    model = prove(make(), inputs)
    (port,) = model.interface.inputs
    model = model.quantize([{port.name: sequence} for sequence in frames], scheme)
    reports = [model.save(tmp_path_factory.mktemp("saved") / f"model{suffix}") for suffix in (".ern", ".so")]
    assert all(report.passed for report in reports), [report.failures() for report in reports]
    assert [report.engine for report in reports] == ["numba", "native"]
