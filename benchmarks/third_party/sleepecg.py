"""SleepECG: sleep stages from heart beats (BSD-3-Clause; https://github.com/cbrnr/sleepecg).

Keras: normalisation, a dense layer of 64 with ReLU, two bidirectional GRU layers of 8 and softmax, over 36 measures of
heart rate, time, age and sex for each half minute of a night. The package ships no nights.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import h5py
import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.dgaintel import KERAS_READER
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model
from examples.common.packaged import PackagedData

SLEEPECG = PackagedData("sleepecg", "0.6.0", "weights of SleepECG")
FILE = (
    "sleepecg/classifiers/wrn-gru-mesa-weighted.zip",
    "3756efdb9143653a71e273b27b128bfcd1c1e4d60e846f11208dcb76195c6129",
)
MEASURES, UNITS, STAGES = 36, 8, 4
"""The stages are: undefined, deep or light sleep, dream, awake."""
EPSILON = 1e-3
EPOCHS = 120
"""Half minutes of a segment, an hour."""
MEMORY, SPREAD = 0.9, 0.5
"""Of a measure from one half minute to the next; its deviation over that in the recordings of many sleepers."""


class SleepStager(nn.Module):
    """The Keras layers over part of a night. (1, T, 36) -> (1, T, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.normalization = nn.BatchNorm1d(MEASURES, eps=EPSILON)
        self.dense = nn.Linear(MEASURES, 64)
        self.gru = nn.GRU(64, UNITS, 2, batch_first=True, bidirectional=True)
        self.stages = nn.Linear(2 * UNITS, STAGES)

    def normalized(self, measures: torch.Tensor) -> torch.Tensor:
        """Each measure with the mean and the variance that it had in training: (1, T, 36)."""
        result: torch.Tensor = self.normalization(measures.transpose(1, 2)).transpose(1, 2)
        return result

    def staged(self, normalized: torch.Tensor) -> torch.Tensor:
        """The layers after the first."""
        output, _ = self.gru(torch.relu(self.dense(normalized)))
        return torch.softmax(self.stages(output), dim=-1)

    def forward(self, measures: torch.Tensor) -> torch.Tensor:
        return self.staged(self.normalized(measures))


class Normalized(SleepStager):
    """The same from normalised measures: they have one unit, where seconds since midnight stood beside fractions."""

    def forward(self, measures: torch.Tensor) -> torch.Tensor:
        return self.staged(measures)


def stored() -> dict[str, Array]:
    """The weights by the names of the Keras file."""
    with zipfile.ZipFile(SLEEPECG.file(*FILE)) as outer, zipfile.ZipFile(outer.open("classifier.keras")) as inner:
        content = io.BytesIO(inner.read("model.weights.h5"))
    found: dict[str, Array] = {}
    with h5py.File(content) as file:
        file["layers"].visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def with_weights(module: SleepStager) -> SleepStager:
    """With the weights of the package. Keras: kernels (in, out), GRU gates z r h, both biases in one array."""
    weights = stored()
    state = {
        "dense.weight": weights["dense/vars/0"].T, "dense.bias": weights["dense/vars/1"],
        "stages.weight": weights["dense_1/vars/0"].T, "stages.bias": weights["dense_1/vars/1"],
    }  # fmt: skip
    names = ("weight", "bias", "running_mean", "running_var")
    state |= {f"normalization.{name}": weights[f"batch_normalization/vars/{k}"] for k, name in enumerate(names)}
    for layer, other in enumerate(("bidirectional", "bidirectional_1")):
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            kernel, recurrent, biases = (weights[f"{other}/{direction}_layer/cell/vars/{k}"] for k in range(3))
            arrays = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": biases[0], "bias_hh": biases[1]}
            state |= {f"gru.{name}_l{layer}{suffix}": _reset_first(array) for name, array in arrays.items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array, np.float32)) for name, array in state.items()}
    module.load_state_dict(tensors, strict=False)
    return module.eval()


def _reset_first(rows: Array) -> Array:
    """Rows of gates z r h as r z h."""
    update, reset, new = np.split(rows, 3)
    return np.concatenate([reset, update, new])


def nights(count: int, seed: int) -> list[Array]:
    """Measures that change slowly around the means of the recordings that the model was trained on, [EPOCHS, 36].

    The normalisation has learned means and variances.
    """
    weights, rng = stored(), np.random.default_rng(seed)
    mean, variance = (weights[f"batch_normalization/vars/{k}"] for k in (2, 3))
    found = []
    for _ in range(count):
        steps = rng.standard_normal((EPOCHS, MEASURES))
        steps[1:] *= np.sqrt(1 - MEMORY**2)
        for k in range(1, EPOCHS):
            steps[k] += MEMORY * steps[k - 1]
        found.append((mean + SPREAD * np.sqrt(variance) * steps).astype(np.float32))
    return found


def normalized(night: Array) -> Array:
    """What ``Normalized`` takes."""
    with torch.no_grad():
        return np.asarray(with_weights(SleepStager()).normalized(torch.from_numpy(night)[None])[0].numpy())


class SleepEcg(ThirdParty):
    """From the Keras weights and normalised measures, for segments of an hour; the original is that in PyTorch."""

    name = "sleepecg"
    title = "SleepECG 0.6.0 (sleep stages)"
    packages = (SLEEPECG, KERAS_READER)
    metric = "same stages, %"
    least = 98.0
    segments = True

    def convert(self) -> Model:
        return self.converted(Normalized())

    def converted(self, module: SleepStager) -> Model:
        """The float model of either module."""
        inputs = f"1,T,{MEASURES}"
        return edgernn.convert(with_weights(module), inputs=inputs, name=self.name, mode="segment", max_frames=EPOCHS)

    def calibration(self) -> list[Array]:
        return [normalized(night) for night in nights(6, seed=1)]

    def test(self) -> list[Array]:
        return [normalized(night) for night in nights(4, seed=2)]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(with_weights(Normalized())(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        a, b = (np.concatenate(list(rows)).argmax(axis=1) for rows in (wanted, found))
        return 100 * float((a == b).mean())
