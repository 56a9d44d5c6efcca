"""Silero VAD: the probability of speech for each 32 ms of sound (MIT; https://github.com/snakers4/silero-vad).

A short-time Fourier transform as a convolution, four convolutions, an LSTM cell and a linear output. A frame is 512 new
samples after the last 64 of the frame before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from benchmarks.third_party.speech import RATE_HZ, SPEECH, halves, waveform
from edgernn.api import Model
from examples.common.packaged import PackagedData

SILERO = PackagedData("silero-vad", "6.2.3", "weights of Silero VAD")
FOLDER = "silero_vad/data/"
WEIGHTS = FOLDER + "silero_vad_16k.safetensors", "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1"
FILES = {
    "silero_vad.onnx": "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    "silero_vad_16k_op15.onnx": "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    "silero_vad_op18_ifless.onnx": "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
    "silero_vad_16k_sequence.onnx": "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    "silero_vad_openvino_16k.onnx": "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
    "silero_vad_half.onnx": "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
}
"""With an LSTM operator in an If, the same for one rate, with its cell taken apart, over whole sequences, and without
``sr``; the last holds float16 weights."""
SAMPLES, CONTEXT = 512, 64
THRESHOLD = 0.5


class SileroVad(nn.Module):
    """The layers that ``silero_vad/tinygrad_model.py`` names, for one frame. (1, 576), (2, 1, 128) -> (1, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        spectrum = self.stft_conv(functional.pad(x, (0, 64), "reflect").unsqueeze(1))
        x = torch.sqrt(spectrum[:, :129] ** 2 + spectrum[:, 129:] ** 2)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(layer(x))
        h, c = self.lstm_cell(x.squeeze(-1), (state[0], state[1]))
        x = torch.sigmoid(self.final_conv(torch.relu(h.unsqueeze(-1))))
        return x.squeeze(1).mean(1).unsqueeze(1), torch.stack([h, c])


def frames() -> Array:
    """The recording: [T, 576]."""
    samples = waveform()
    count = len(samples) // SAMPLES
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), samples])
    return np.stack([padded[k * SAMPLES : (k + 1) * SAMPLES + CONTEXT] for k in range(count)])


class Silero(ThirdParty):
    """What the ways to read it share: the recording, and decisions by a threshold."""

    packages = (SILERO, SPEECH)
    metric = "same VAD decisions, %"
    least = 99.0

    def calibration(self) -> list[Array]:
        return [halves(frames())[1]]

    def test(self) -> list[Array]:
        return [halves(frames())[0][150:400]]

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        a, b = (np.concatenate(list(rows)) >= THRESHOLD for rows in (wanted, found))
        return 100 * float((a == b).mean())


class SileroLayers(Silero):
    """From the layers and the safetensors weights, which are of another training run than those of the ONNX files."""

    name = "silero_vad"
    title = "Silero VAD (layers, safetensors)"

    def module(self) -> SileroVad:
        """The layers with their weights."""
        module = SileroVad()
        module.load_state_dict(load_file(SILERO.file(*WEIGHTS)))
        return module

    def convert(self) -> Model:
        return edgernn.convert(self.module(), inputs="1,576", state="2,1,128", name=self.name, sample_rate_hz=RATE_HZ)

    def original(self, frames: Array) -> Array:
        module, state, rows = self.module(), torch.zeros(2, 1, 128), []
        with torch.no_grad():
            for frame in torch.from_numpy(frames):
                y, state = module(frame[None], state)
                rows.append(y[0].numpy())
        return np.stack(rows)


class SileroOnnx(Silero):
    """From a file that is called frame by frame."""

    name = "silero_vad_onnx"
    title = "Silero VAD (silero_vad.onnx)"

    def __init__(self, file: str = "silero_vad.onnx") -> None:
        self.file = SILERO.file(FOLDER + file, FILES[file])

    def convert(self) -> Model:
        inputs = ["input:1,576", *(f"{name}={RATE_HZ}" for name in self._rate_inputs(self._session()))]
        return edgernn.convert(self.file, inputs=inputs, name=self.name, sample_rate_hz=RATE_HZ)

    def original(self, frames: Array) -> Array:
        session, state, rows = self._session(), np.zeros((2, 1, 128), np.float32), []
        rates = {name: np.array(RATE_HZ) for name in self._rate_inputs(session)}
        for frame in frames:
            y, state = session.run(None, {"input": frame[None], "state": state, **rates})
            rows.append(y[0])
        return np.stack(rows)

    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self.file, options)

    @staticmethod
    def _rate_inputs(session: onnxruntime.InferenceSession) -> list[str]:
        return [i.name for i in session.get_inputs() if i.name == "sr"]


class SileroSequence(SileroOnnx):
    """From the file over whole sequences, whose state is an input at the start and an output at the end."""

    name = "silero_vad_sequence"
    title = "Silero VAD (16k_sequence.onnx)"

    def __init__(self) -> None:
        super().__init__("silero_vad_16k_sequence.onnx")

    def convert(self) -> Model:
        return edgernn.convert(self.file, name=self.name, sample_rate_hz=RATE_HZ)

    def original(self, frames: Array) -> Array:
        zeros = np.zeros((1, 1, 128), np.float32)
        return np.asarray(self._session().run(["speech_probs"], {"input": frames, "h": zeros, "c": zeros})[0])
