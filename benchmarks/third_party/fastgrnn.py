"""FastGRNN: which of six activities an accelerometer measures (Apache-2.0; https://github.com/emre1998/fastgrnn-har).

A cell of Kusupati et al. (NeurIPS 2018) with low-rank, sparse weights, as a step module. Weights are in ``weights``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model

FILE = Path(__file__).parent / "weights" / "fastgrnn_har.json"
SHAPES = {"W1": (16, 2), "W2": (3, 2), "U1": (16, 8), "U2": (16, 8), "B_Z": (16,), "B_H": (16,), "CLS_W": (6, 16),
          "CLS_B": (6,)}  # fmt: skip
STEPS_PER_G = 720
"""Units of the stored acceleration."""


@cache
def stored() -> dict[str, Any]:
    """The contents of the file."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


class FastGrnnCell(nn.Module):
    """(1, 3), (1, 16) -> (1, 6), (1, 16): scores of the activities, and the next state."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in SHAPES.items():
            values = np.array(stored()["integers"][name]).reshape(shape) * stored()["scales"][name]
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)))
        for name in ("mean", "std", "zeta", "nu"):
            self.register_buffer(name, torch.tensor(stored()[name]))

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        w = dict(self.named_buffers())
        pre = (x - w["mean"]) / w["std"] @ w["W2"] @ w["W1"].T + h @ w["U2"] @ w["U1"].T
        z = torch.sigmoid(pre + w["B_Z"])
        h = (w["zeta"] * (1 - z) + w["nu"]) * torch.tanh(pre + w["B_H"]) + z * h
        return h @ w["CLS_W"].T + w["CLS_B"], h


class FastGrnnLoop(FastGrnnCell):
    """The same as a loop over time: (1, T, 3) -> (1, T, 6)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        h, rows = x.new_zeros(1, 16), []
        for t in range(x.size(1)):
            y, h = super().forward(x[:, t], h)
            rows.append(y)
        return torch.stack(rows, 1)


class FastGrnn(ThirdParty):
    """The original is the loop in PyTorch."""

    name = "fastgrnn"
    title = "FastGRNN 16 (activities)"
    packages = ()
    metric = "same activity at the end of windows, %"
    least = 99.0

    def convert(self) -> Model:
        return edgernn.convert(FastGrnnCell(), inputs="1,3", state="1,16", name=self.name)

    def windows(self) -> list[Array]:
        """All recordings: [128, 3] in g."""
        return [np.array(window, np.float32) / STEPS_PER_G for window in stored()["windows"]]

    def calibration(self) -> list[Array]:
        return [self.windows()[k] for k in (0, 1, 3)]

    def test(self) -> list[Array]:
        return [self.windows()[k] for k in (2, 4)]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(FastGrnnLoop()(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        a, b = (np.concatenate([row[-16:] for row in rows]).argmax(axis=-1) for rows in (wanted, found))
        return 100 * float((a == b).mean())
