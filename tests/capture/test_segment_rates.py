"""Whole segments of models that keep fewer frames: pooling and strides before, between and after both directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgernn
from edgernn.errors import FrameError, UnsupportedModelError, UsageError
from edgernn.ir.op import Array
from edgernn.segments import SegmentModel
from tests.support import write


class Crnn(nn.Module):
    """Convolutions and pooling over time, as for lines of text, and two bidirectional layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(4, 6, 5, padding=2), nn.Conv1d(6, 6, 3, padding=1)
        self.rnn = nn.LSTM(6, 5, 2, bidirectional=True, batch_first=True)
        self.out = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = F.max_pool1d(torch.relu(self.first(x.transpose(1, 2))), 2)
        y = F.max_pool1d(torch.relu(self.second(y)), 2).transpose(1, 2)
        y = self.rnn(y)[0]
        return torch.log_softmax(self.out(y), -1), y.mean(1)


class Strided(nn.Module):
    """A stride of 3, and frames of the input beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru = nn.Conv1d(4, 5, 3, stride=3), nn.GRU(5, 4, bidirectional=True, batch_first=True)
        self.every = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.gru(self.conv(x.transpose(1, 2)).transpose(1, 2))[0], self.every(x)[0]


class Pyramid(nn.Module):
    """Frames are joined in pairs after bidirectional layers, as a listener for speech does, and averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(4, 3, bidirectional=True, batch_first=True)
        self.second = nn.GRU(12, 3, bidirectional=True, batch_first=True)
        self.third = nn.RNN(6, 2, bidirectional=True, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.second(self.first(x)[0].reshape(x.shape[0], -1, 12))[0]
        y, h = self.third(F.avg_pool1d(y.transpose(1, 2), 2).transpose(1, 2))
        return y, torch.cat([h[-2], h[-1]], -1)


class Ends(nn.Module):
    """Of layers of which a step has two frames: the first and the last, and sums of all."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True)
        self.one, self.back = nn.GRU(6, 2, batch_first=True), nn.GRU(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y, (h, c) = self.both(x)
        every = self.back(x.flip(1))[0][:, ::2]
        return self.one(y[:, 1::2])[0], y[:, -1], y[:, 0], h[-1], c[-2], y.mean(1), every.flip(1)


class Backwards(nn.Module):
    """Frames of the reversed sequence are pooled."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool1d(x.flip(1).transpose(1, 2), 2).transpose(1, 2).flip(1)


class Centred(nn.Module):
    """Strided frames without their mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru = nn.Conv1d(4, 6, 3, 2, 1), nn.GRU(6, 3, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.conv(x.transpose(1, 2)).transpose(1, 2)
        mean = y.mean(1)
        return self.gru(y - mean[:, None])[0], mean


CASES = {
    "centred": (Centred, 18, 2), "crnn": (Crnn, 20, 4), "strided": (Strided, 18, 3), "pyramid": (Pyramid, 20, 4),
    "ends": (Ends, 20, 2),
}  # fmt: skip


def converted(name: str) -> SegmentModel:
    make, most, _ = CASES[name]
    torch.manual_seed(1)
    model = edgernn.convert(make(), inputs="1,T,4", mode="segment", max_frames=most)
    assert isinstance(model, SegmentModel)
    return model


def segments(model: SegmentModel) -> list[Array]:
    rng = np.random.default_rng(2)
    return [rng.standard_normal((model.segment.max_frames, 4)).astype(np.float32) for _ in range(4)]


@pytest.mark.parametrize("name", CASES)
def test_segments_agree_with_pytorch(name: str, tmp_path: Path) -> None:
    model = converted(name)
    assert model.interface.hop == model.segment.hop == CASES[name][2]
    write(model.segment, tmp_path / "m.ern")
    assert edgernn.validate(tmp_path / "m.ern", model, engine="reference").passed
    assert model.save(tmp_path / "m.so").passed


@pytest.mark.parametrize(("name", "suffixes"), [("crnn", ("ern", "so")), ("pyramid", ("so",))])
def test_integers_are_the_same_everywhere(name: str, suffixes: tuple[str, ...], tmp_path: Path) -> None:
    model = converted(name)
    quantized = model.quantize(segments(model))
    for suffix in suffixes:
        report = quantized.save(tmp_path / f"m.{suffix}")
        assert report.passed and "bit identity" in [p.name for p in report.properties]


def test_a_segment_has_whole_steps(tmp_path: Path) -> None:
    model = converted("crnn")
    write(model.segment, tmp_path / "m.ern")
    session = edgernn.load(tmp_path / "m.ern", "reference")
    x = segments(model)[0]
    whole, steps = session.run(x[:12]), session.run(x[:12].reshape(3, 4, 4))
    assert whole["output_0"].shape == (3, 3) and np.array_equal(whole["output_0"], steps["output_0"])
    with pytest.raises(FrameError, match="11 frames are no whole steps of 4"):
        session.run(x[:11])
    with pytest.raises(FrameError, match="1 to 20 frames"):
        session.run(np.zeros((24, 4), np.float32))
    with pytest.raises(UsageError, match="multiple of 4"):
        edgernn.convert(Crnn(), inputs="1,T,4", mode="segment", max_frames=21)


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_a_pyramid_in_other_formats(suffix: str, tmp_path: Path) -> None:
    assert converted("pyramid").save(tmp_path / f"m.{suffix}").passed


def test_frames_of_a_flipped_sequence_are_not_pooled() -> None:
    with pytest.raises(UnsupportedModelError, match=r"(?s)of which a step has several.*flip the result"):
        edgernn.convert(Backwards(), inputs="1,T,4", mode="segment", max_frames=20)
