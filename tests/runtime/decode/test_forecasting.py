"""Forecasts of many steps are those of a loop by hand in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import UsageError
from edgernn.runtime.decode import forecast


class Foresees(nn.Module):
    """Frames of ``size`` to ``outputs`` numbers after each."""

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        self.gru = nn.GRU(size, 8, batch_first=True)
        self.head = nn.Linear(8, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        foreseen: Tensor = self.head(self.gru(frames)[0])
        return foreseen


def session_of(size: int, outputs: int, folder: Path) -> tuple[nn.Module, edgernn.Session]:
    torch.manual_seed(size)
    module = Foresees(size, outputs).eval()
    edgernn.convert(module, inputs=f"1,T,{size}").save(folder / "m.ern")
    return module, edgernn.load(folder / "m.ern", engine="reference")


def by_hand(module: nn.Module, frames: np.ndarray, steps: int, make) -> np.ndarray:  # type: ignore[no-untyped-def,type-arg]
    found = []
    for k in range(steps):
        with torch.no_grad():
            found.append(module(torch.from_numpy(frames)[None])[0, -1].numpy())
        frames = np.concatenate([frames, make(found[-1], k)[None].astype(np.float32)])
    return np.stack(found)


HISTORY = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
KNOWN = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)


def test_outputs_are_the_next_frames(tmp_path: Path) -> None:
    module, session = session_of(5, 5, tmp_path)
    wanted = by_hand(module, HISTORY, 8, lambda output, k: output)
    np.testing.assert_allclose(forecast(session, HISTORY, 8), wanted, atol=1e-5)


def test_what_is_known_stands_beside_the_outputs(tmp_path: Path) -> None:
    module, session = session_of(5, 2, tmp_path)
    with session:
        wanted = by_hand(module, HISTORY, 10, lambda y, k: np.concatenate([y, KNOWN[min(k, 8)]]))
        np.testing.assert_allclose(forecast(session, HISTORY, 10, KNOWN), wanted, atol=1e-5)
        session.reset()
        wanted = by_hand(module, HISTORY, 10, lambda y, k: np.insert(KNOWN[min(k, 8)], [1, 2], y))
        np.testing.assert_allclose(forecast(session, HISTORY, 10, KNOWN, columns=[1, 3]), wanted, atol=1e-5)
        session.reset()
        feed = lambda y, known: np.concatenate([np.tanh(y), known])[[2, 4, 0, 1, 3]]  # noqa: E731
        wanted = by_hand(module, HISTORY, 4, lambda y, k: feed(y, KNOWN[k]))
        np.testing.assert_allclose(forecast(session, HISTORY, 4, KNOWN, feed=feed), wanted, atol=1e-5)


def test_the_state_goes_on(tmp_path: Path) -> None:
    _, session = session_of(5, 5, tmp_path)
    whole = forecast(session, HISTORY, 3)
    session.reset()
    for frame in HISTORY[:8]:
        session.step(frame)
    np.testing.assert_array_equal(forecast(session, HISTORY[8:], 3), whole)


def test_mistakes(tmp_path: Path) -> None:
    _, session = session_of(5, 2, tmp_path)
    with pytest.raises(UsageError, match="need 4"):
        forecast(session, HISTORY, 5, KNOWN[:3])
    with pytest.raises(UsageError, match="3 elements have to be known beforehand, found 0"):
        forecast(session, HISTORY, 5)
    with pytest.raises(UsageError, match="columns are 2 of the 5"):
        forecast(session, HISTORY, 5, KNOWN, columns=[1, 5])
    with pytest.raises(UsageError, match="needs a history"):
        forecast(session, HISTORY[:0], 5, KNOWN)
