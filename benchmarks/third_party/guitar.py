"""Overdrive pedals of NeuralSeed: sound through an LSTM or GRU of 8, sample by sample at 44.1 kHz (MIT).

https://github.com/GuitarML/NeuralSeed; weights and licence are in ``weights``. The output is added to the sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model

WEIGHTS = Path(__file__).parent / "weights"
RATE_HZ = 44100
NOTES_HZ = (82.4, 110.0, 146.8, 196.0, 246.9, 329.6)
"""The open strings of a guitar."""


class Pedal(nn.Module):
    """(1, T, 1) -> (1, T, 1)."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.rec = {"LSTM": nn.LSTM, "GRU": nn.GRU}[kind](1, hidden, batch_first=True)
        self.lin = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.lin(self.rec(x)[0]) + x
        return y


def pedal(file: str) -> Pedal:
    """With the weights of a JSON file of the Automated-GuitarAmpModelling format."""
    stored = json.loads((WEIGHTS / file).read_text())
    module = Pedal(stored["model_data"]["unit_type"], stored["model_data"]["hidden_size"])
    module.load_state_dict({name: torch.tensor(values) for name, values in stored["state_dict"].items()})
    return module.eval()


def plucked(note_hz: float, samples: int) -> Array:
    """A string (Karplus and Strong, 1983): [samples, 1]."""
    delay = round(RATE_HZ / note_hz)
    rng = np.random.default_rng(delay)
    sound = np.zeros(samples + delay + 1)
    sound[: delay + 1] = rng.uniform(-0.5, 0.5, delay + 1)
    for k in range(delay + 1, len(sound)):
        sound[k] = 0.498 * (sound[k - delay] + sound[k - delay - 1])
    return sound[delay + 1 :, None].astype(np.float32)


def signal_over_error(wanted: Sequence[Array], found: Sequence[Array]) -> float:
    """In decibels, over all samples."""
    a, b = (np.concatenate(list(rows)) for rows in (wanted, found))
    return float(10 * np.log10(np.square(a).sum() / np.square(a - b).sum()))


class TubeScreamer(ThirdParty):
    """A model of the Ibanez TS9; the original is the module over whole recordings."""

    packages = ()
    metric = "signal over error, dB"
    least = 20.0
    file = ""

    def convert(self) -> Model:
        return edgernn.convert(pedal(self.file), inputs="1,T,1", name=self.name, sample_rate_hz=RATE_HZ)

    def calibration(self) -> list[Array]:
        return [plucked(note, 2000) for note in NOTES_HZ[::2]]

    def test(self) -> list[Array]:
        return [plucked(note, 2000) for note in NOTES_HZ[1::2]]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(pedal(self.file)(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        return signal_over_error(wanted, found)


class TubeScreamerLstm(TubeScreamer):
    """LSTM 8."""

    name, title, file = "ts9_lstm8", "NeuralSeed TS9, LSTM 8", "lstm8_ts9.json"


class TubeScreamerGru(TubeScreamer):
    """GRU 8."""

    name, title, file = "ts9_gru8", "NeuralSeed TS9, GRU 8", "gru8_ts9.json"
