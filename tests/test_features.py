"""Front ends: equal to torch.stft and to published formulas, and the same frame by frame after conversion."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn.features import (
    Deltas,
    LogMel,
    MelSpectrogram,
    Mfcc,
    Normalise,
    PreEmphasis,
    Spectrogram,
    frames_of,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
)
from edgernn.ops import BandedLinear, Rfft


def waveform(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 0.3


@pytest.mark.parametrize(("n_fft", "win", "hop"), [(64, 64, 32), (60, 60, 20), (128, 100, 33), (512, 400, 160)])
def test_a_spectrogram_is_that_of_torch_stft(n_fft: int, win: int, hop: int) -> None:
    x = waveform(hop * 12)
    spectrogram = Spectrogram(n_fft, win, hop, window="hamming")
    margin = (n_fft - win) // 2
    padded = nn.functional.pad(x, (win - hop + margin, n_fft - win - margin))
    wanted = torch.stft(
        padded, n_fft, hop, win, spectrogram.window, center=False, return_complex=True
    ).abs().square().T[None]  # fmt: skip
    torch.testing.assert_close(spectrogram(frames_of(x[None], hop)), wanted, rtol=1e-4, atol=1e-4)


def test_pre_emphasis_and_deltas_do_not_see_the_frames() -> None:
    x = waveform(240)
    y = PreEmphasis(0.9)(frames_of(x[None], 24)).flatten()
    torch.testing.assert_close(y[1:], x[1:] - 0.9 * x[:-1])
    features = torch.arange(20.0)[None, :, None] * torch.tensor([1.0, -3.0])
    torch.testing.assert_close(Deltas(2)(features)[0, 4:], torch.tensor([1.0, -3.0]).expand(16, 2))


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales_are_inverted_and_filters_are_triangles(scale: str) -> None:
    hz = torch.tensor([0.0, 200.0, 999.0, 1000.0, 4000.0, 8000.0], dtype=torch.float64)
    torch.testing.assert_close(mel_to_hz(hz_to_mel(hz, scale), scale), hz)
    assert hz_to_mel(torch.tensor(1000.0), scale).item() == pytest.approx({"htk": 999.9855, "slaney": 15.0}[scale])
    filters = mel_filters(20, 512, 16000.0, scale=scale)
    inside = filters[:, 8:200].sum(0)
    assert inside.min() > 0.2 and inside.max() < 1.01
    areas = mel_filters(20, 4096, 16000.0, scale=scale, norm="slaney").sum(1) * 16000 / 4096
    torch.testing.assert_close(areas, torch.ones(20), rtol=0.02, atol=0.0)


def test_mfcc_is_an_orthonormal_transform_of_the_log_mel() -> None:
    frames = frames_of(waveform(1600)[None], 160)
    mfcc = Mfcc(40, n_mels=40, f_min_hz=100.0)
    torch.testing.assert_close(mfcc.dct @ mfcc.dct.T, torch.eye(40), rtol=0, atol=1e-5)
    torch.testing.assert_close(mfcc(frames) @ mfcc.dct, mfcc.log_mel(frames), rtol=1e-3, atol=1e-3)


class Keywords(nn.Module):
    """From waveforms to classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.front = nn.Sequential(PreEmphasis(), LogMel(8000.0, 128, 100, 40, 10, f_min_hz=60.0))
        self.normalise = Normalise(-2.0, 1.5)
        self.deltas = Deltas(1)
        self.gru = nn.GRU(20, 12, batch_first=True)
        self.out = nn.Linear(12, 3)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        features = self.normalise(self.front(frames))
        y, _ = self.gru(torch.cat([features, self.deltas(features)], -1))
        return self.out(y)


@pytest.mark.parametrize("suffix", [".ern", ".onnx", ".tflite", ".so"])
def test_a_model_runs_from_waveforms(suffix: str, tmp_path: Path) -> None:
    module = Keywords().eval()
    model = edgernn.convert(module, inputs="1,T,40")
    assert {Rfft, BandedLinear} <= {type(node.op) for node in model.graph.nodes}
    path = tmp_path / f"keywords{suffix}"
    model.save(path)
    x = frames_of(waveform(40 * 50, 1)[None], 40)
    with torch.no_grad():
        wanted = module(x)[0].numpy()
    session = edgernn.load(path)
    found = np.stack([session.step(frame) for frame in x[0].numpy()])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4)


def test_what_is_kept_of_frames_before_is_no_more_than_the_window_needs() -> None:
    model = edgernn.convert(MelSpectrogram(16000.0, 512, 400, 160), inputs="1,T,160")
    assert model.interface.state_bytes == 4 * (160 + 2 * 80)


def test_arguments_that_cannot_be_are_refused() -> None:
    for make in (lambda: Spectrogram(64, 80), lambda: Spectrogram(64, power=3.0), lambda: Spectrogram(64, 64, 65),
                 lambda: Spectrogram(64, window="triangle"), lambda: mel_filters(4, 64, 8000.0, scale="bark"),
                 lambda: Deltas(0), lambda: Mfcc(41, n_mels=40)):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            make()
    assert math.isclose(float(Normalise(1.0, 2.0)(torch.tensor(5.0))), 2.0)
