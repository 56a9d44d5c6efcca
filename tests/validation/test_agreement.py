"""Integer artifacts of .onnx and .tflite are judged by the float model: faults are found, other rounding is not one."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn.runtime import load
from edgernn.runtime.engines.base import Engine
from edgernn.validation.agreement import agreement
from edgernn.validation.results import PropertyResult
from tests.support import SUFFIX_OF_ENGINE, require, write

Spoil = Callable[[Engine, np.ndarray], np.ndarray]
"""(engine, what it gave for a frame) -> what it is made to give."""


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 12, batch_first=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(self.lstm(x)[0])
        return y


def wipe(engine: Engine, result: np.ndarray) -> np.ndarray:
    """Forget the state after each frame."""
    engine.set_states([state.initial for state in engine.interface.states])
    return result


def disturb(engine: Engine, result: np.ndarray) -> np.ndarray:
    """Errors of up to one twentieth of the range of int16."""
    return result + np.random.default_rng(result.view(np.uint16)).integers(-1600, 1600, result.shape).astype(np.int16)


@functools.cache
def float_model() -> edgernn.Model:
    torch.manual_seed(4)
    return edgernn.convert(Net(), inputs="1,T,6")


def judged(
    engine: str, scheme: str, folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil | None = None
) -> PropertyResult:
    require(engine)
    sequences = [{"x": np.random.default_rng(2).standard_normal((120, 6)).astype(np.float32)}]
    integers = float_model().quantize(sequences, scheme).graph
    path = folder / f"net{SUFFIX_OF_ENGINE[engine]}"
    write(integers, path)
    with load(path, engine) as session:
        if spoil is not None:
            used, step = session._engine, session._engine.single()
            monkeypatch.setattr(used, "single", lambda: lambda frame: spoil(used, step(frame)))
        return agreement(session, integers, float_model().graph, sequences)


@pytest.mark.parametrize("engine", ["onnxruntime", "tflite"])
@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4"])
def test_both_errors_are_told(engine: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = judged(engine, scheme, tmp_path, monkeypatch)
    assert result.passed
    assert "SQNR" in result.detail and "that of the definition" in result.detail and "LSB" in result.detail


@pytest.mark.parametrize("engine", ["onnxruntime", "tflite"])
@pytest.mark.parametrize("spoil", [wipe, disturb])
def test_faults_are_found(engine: str, spoil: Spoil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = judged(engine, "int16x8", tmp_path, monkeypatch, spoil)
    assert not result.passed
    assert "at most 3 dB more error than the definition is allowed" in result.detail
