"""Resemblyzer: what a voice sounds like, as 256 numbers (Apache-2.0; https://github.com/resemble-ai/Resemblyzer).

Three LSTM layers over 40 mel bands every 10 ms; the answer for a partial utterance of 160 frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from benchmarks.third_party.speech import RATE_HZ, SPEECH, waveform
from edgernn.api import Model
from edgernn.features import mel_filters
from examples.common.packaged import PackagedData

RESEMBLYZER = PackagedData("Resemblyzer", "0.1.4", "weights of Resemblyzer")
WEIGHTS = "resemblyzer/pretrained.pt", "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
MELS, PARTIAL = 40, 160
WINDOW, HOP = 400, 160
LOUDNESS_DB = -30
FIRST_S = 6.7
"""Where the speech of the recording begins."""


class VoiceEncoder(nn.Module):
    """The layers that ``resemblyzer/voice_encoder.py`` defines. (1, T, 40) -> (1, 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(MELS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(mels)
        raw = torch.relu(self.linear(hidden[-1]))
        embedding: torch.Tensor = raw / torch.norm(raw, dim=1, keepdim=True)
        return embedding


def encoder() -> VoiceEncoder:
    """With the weights of the package."""
    module = VoiceEncoder().eval()
    stored = torch.load(RESEMBLYZER.file(*WEIGHTS), map_location="cpu", weights_only=True)["model_state"]
    module.load_state_dict({name: stored[name] for name in module.state_dict()})
    return module


def mel_frames() -> Array:
    """The recording from where speech begins, at the loudness that Resemblyzer sets: power in mel bands, [T, 40]."""
    samples = waveform()[int(FIRST_S * RATE_HZ) :]
    samples = samples * 10 ** (LOUDNESS_DB / 20) / np.sqrt(np.mean(np.square(samples)))
    padded = np.pad(samples, WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW + 1)[:-1]
    power = np.square(np.abs(np.fft.rfft(windows)))
    filters = mel_filters(MELS, WINDOW, RATE_HZ, scale="slaney", norm="slaney").numpy()
    return np.asarray(power @ filters.T, np.float32)


class Resemblyzer(ThirdParty):
    """From the layers and the weights of the package; the original is that module over whole partial utterances."""

    name = "resemblyzer"
    title = "Resemblyzer 0.1.4 (voice embedding)"
    packages = (RESEMBLYZER, SPEECH)
    metric = "least cosine of embeddings"
    least = 0.99

    def convert(self) -> Model:
        return edgernn.convert(encoder(), inputs=f"1,T,{MELS}", name=self.name)

    def calibration(self) -> list[Array]:
        frames = mel_frames()
        return [frames[k * PARTIAL : (k + 1) * PARTIAL] for k in range(1, 14, 2)]

    def test(self) -> list[Array]:
        frames = mel_frames()
        return [frames[k * PARTIAL : (k + 1) * PARTIAL] for k in range(0, 14, 4)]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(encoder()(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        pairs = zip(wanted, found, strict=True)
        return min(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs)
