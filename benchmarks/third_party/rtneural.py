"""The models that RTNeural is tested with: four recurrent layers of 8, sample by sample (BSD-3-Clause).

https://github.com/jatinchowdhury18/RTNeural; weights, input, outputs and licence are in ``weights``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.guitar import signal_over_error
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model

WEIGHTS = Path(__file__).parent / "weights"


class Stack(nn.Module):
    """(1, T, 1) -> (1, T, 1). Layers have the names of the stored weights."""

    def __init__(self, kind: str, hidden: int = 8) -> None:
        super().__init__()
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.first, self.second = kind, f"{kind}2"
        self.add_module(self.first, layer(1, hidden, batch_first=True))
        self.add_module(self.second, layer(hidden, hidden, 3, batch_first=True))
        self.dense = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.get_submodule(self.first)(x)[0]
        y: torch.Tensor = self.dense(self.get_submodule(self.second)(x)[0])
        return y


class RtNeural(ThirdParty):
    """The original is what RTNeural's own test compares with: outputs that are stored beside the model."""

    packages = ()
    metric = "signal over error, dB"
    least = 20.0
    kind: ClassVar[str]

    def convert(self) -> Model:
        module = Stack(self.kind)
        stored = json.loads((WEIGHTS / f"rtneural_{self.kind}.json").read_text())
        module.load_state_dict({name: torch.tensor(values) for name, values in stored.items()})
        return edgernn.convert(module.eval(), inputs="1,T,1", name=self.name)

    def calibration(self) -> list[Array]:
        return [np.random.default_rng(seed).uniform(-1, 1, (500, 1)).astype(np.float32) for seed in range(3)]

    def test(self) -> list[Array]:
        return [_stored("rtneural_x.csv")]

    def original(self, frames: Array) -> Array:
        return _stored(f"rtneural_{self.kind}_y.csv")

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        return signal_over_error(wanted, found)


def _stored(file: str) -> Array:
    """[1000, 1]"""
    return np.loadtxt(WEIGHTS / file, dtype=np.float32, ndmin=2)


class RtNeuralLstm(RtNeural):
    """LSTM."""

    name, title, kind = "rtneural_lstm", "RTNeural, 4 x LSTM 8", "lstm"


class RtNeuralGru(RtNeural):
    """GRU."""

    name, title, kind = "rtneural_gru", "RTNeural, 4 x GRU 8", "gru"
