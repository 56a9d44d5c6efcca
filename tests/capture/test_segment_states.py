"""Segments whose recurrent layers and cells go on from states that are given, or computed for the whole segment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.support import write

MOST = 9


class HandedOn(nn.Module):
    """Layers that begin where others ended, in both directions, and from what the caller gives."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.GRU(4, 5, batch_first=True, bidirectional=True)
        self.bridge, self.second = nn.Linear(10, 12), nn.LSTM(10, 6, 2, batch_first=True)
        self.third = nn.RNN(6, 3, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        y, h = self.first(x)
        h = torch.tanh(self.bridge(torch.cat([h[0], h[1]], -1))).view(1, 2, 6).transpose(0, 1)
        z, _ = self.second(y, (h, h * 0.5))
        return self.third(z, h0)[0], z[:, -1]


class Cells(nn.Module):
    """Cells that make one step for the whole segment, some from zeros, and what they give in every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gru, self.lstm = nn.Embedding(7, 4), nn.GRUCell(4, 5), nn.LSTMCell(5, 3)
        self.rnn, self.layer, self.out = nn.RNNCell(3, 3), nn.GRU(4, 5, batch_first=True), nn.Linear(8, 2)

    def forward(self, x: Tensor, token: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        y, _ = self.layer(x, h.unsqueeze(0))
        h = self.gru(self.embedding(token), h)
        q, c = self.lstm(h, (c, c))
        q = self.rnn(q)
        frames = torch.cat([y, q.unsqueeze(1).expand(-1, y.shape[1], -1)], -1)
        return self.out(frames), h, c, q + y.mean(1)[:, :3]


CASES: dict[str, tuple[Any, list[str], list[str]]] = {
    "handed on": (HandedOn, ["1,T,4", "2,1,3"], ["forward", "backward", "once", "forward", "backward"]),
    "cells": (Cells, ["1,T,4", "int:1", "1,5", "1,3"], ["once", "forward", "once"]),
}


def converted(name: str) -> edgernn.Model:
    make, inputs, _ = CASES[name]
    torch.manual_seed(0)
    return edgernn.convert(make().eval(), inputs=inputs, mode="segment", max_frames=MOST)


def segments(model: edgernn.Model) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = []
    for length in (MOST, 5, 2, 7, 1):
        shapes = {p.name: ((length,) if p.kind == "frame" else ()) + p.shape for p in model.interface.inputs}
        found.append({
            p.name: rng.integers(0, 7, shapes[p.name]).astype(np.int32) if p.dtype == "int32"
            else np.clip(rng.standard_normal(shapes[p.name]) * 0.4, -0.9, 0.9).astype(np.float32)
            for p in model.interface.inputs
        })  # fmt: skip
    return found


@pytest.mark.parametrize("name", CASES)
def test_they_agree_with_pytorch_in_the_least_passes(name: str, tmp_path: Path) -> None:
    model = converted(name)
    assert [stage.direction for stage in model.segment.stages] == CASES[name][2]
    write(model.segment, tmp_path / "model.ern")
    report = model.proof().check(tmp_path / "model.ern", "reference")
    assert report.passed, report.failures()
    assert model.save(tmp_path / "model.so").passed


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "weights8"])
@pytest.mark.parametrize("name", CASES)
def test_integers_keep_the_scales_of_cells(name: str, scheme: str, tmp_path: Path) -> None:
    quantized = converted(name).quantize(segments(converted(name)), scheme)
    write(quantized.segment, tmp_path / "model.ern")
    report = quantized.proof().check(tmp_path / "model.ern", "reference")
    assert report.passed, report.failures()
    assert min(o.sqnr_db or 99 for o in report.outputs) > {"int16x8": 50, "int8": 35, "weights8": 50}[scheme]
    if (name, scheme) in {("handed on", "int8"), ("cells", "int16x8")}:
        assert all(quantized.save(tmp_path / f"compiled.{suffix}").passed for suffix in ("ern", "so"))


class Changing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x[0], x[0])


def test_a_state_that_changes_along_the_sequence_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="whole sequence as its batch"):
        edgernn.convert(Changing(), inputs="1,T,4", mode="segment", max_frames=MOST)
