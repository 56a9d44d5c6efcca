"""Transposed convolution, strided convolution, patches and cumulative sums of frames, and variance over time: on every
engine in float, and in every integer scheme."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import edgernn
from edgernn.runtime.engines import ENGINES
from tests.capture.support import check, randomized
from tests.support import require

RNG = np.random.default_rng(2)
ONE = (-1, 2, 6)
TWO = (-1, 2, 2, 3)


class Framed(nn.Module):
    """A layer over frames [T, *shape] of 12 numbers, flattened."""

    def __init__(self, layer: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.shape = layer, shape

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.reshape(self.shape)).flatten(1)[None]


class Function(nn.Module):
    """A function of the sequence [1, T, 12]."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def framed(layer: nn.Module, shape: tuple[int, ...] = ONE) -> Callable[[], nn.Module]:
    return lambda: Framed(layer, shape)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "transposed, stride 2": framed(nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)),
    "transposed, stride 3, kernel 2": framed(nn.ConvTranspose1d(2, 4, 2, stride=3)),
    "transposed, groups, dilation, output padding": framed(
        nn.ConvTranspose1d(2, 4, 3, stride=2, padding=2, output_padding=1, groups=2, dilation=2, bias=False)
    ),
    "transposed, stride 1": framed(nn.ConvTranspose1d(2, 2, 5, padding=2)),
    "transposed, two axes": framed(nn.ConvTranspose2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), TWO),
    "transposed, two axes, groups": framed(nn.ConvTranspose2d(2, 2, 2, stride=2, groups=2), TWO),
    "strided": framed(nn.Conv1d(2, 4, 4, stride=2, padding=1)),
    "strided, long kernel": framed(nn.Conv1d(1, 3, 8, stride=4), (-1, 1, 12)),
    "strided, two axes": framed(nn.Conv2d(2, 3, 2, stride=(1, 2), padding=1), TWO),
    "PReLU": framed(nn.PReLU(2)),
    "GLU": framed(nn.GLU(1)),
    "unfold": lambda: Function(lambda x: x.unfold(-1, 4, 2).flatten(2)),
    "unfold of an inner axis": lambda: Function(lambda x: x.reshape(1, -1, 6, 2).unfold(2, 3, 1).flatten(2)),
    "patches": lambda: Function(lambda x: F.unfold(x.reshape(TWO), 2, padding=1, stride=(1, 2)).flatten(1)[None]),
    "cumulative sum": lambda: Function(lambda x: torch.cumsum(x, -1)),
    "cumulative sum of an inner axis": lambda: Function(
        lambda x: torch.cumsum(x.reshape(1, -1, 3, 4), 2).flatten(2)
    ),
    "variance over time": lambda: Function(lambda x: x.var(1, unbiased=False)),
    "deviation over time and features": lambda: Function(lambda x: x.reshape(1, -1, 3, 4).std((1, 3), correction=0)),
    "variance and mean over time": lambda: Function(
        lambda x: torch.cat(torch.var_mean(x, 1, correction=0, keepdim=True), -1)
    ),
}


@cache
def converted(name: str) -> edgernn.Model:
    return edgernn.convert(randomized(MODELS[name]()), inputs="1,T,12")


@pytest.mark.parametrize("engine", ENGINES)
def test_all_in_float(engine: str) -> None:
    require(engine)
    for name in MODELS:
        report = check(converted(name), engine)
        assert report.passed, (name, report.failures())


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4"])
@pytest.mark.parametrize("name", MODELS)
def test_in_integers(name: str, scheme: str, tmp_path: Any) -> None:
    """NumPy and C give the same integers, which are near PyTorch; saving proves both."""
    sequences = [{"x": RNG.standard_normal((60, 12)).astype(np.float32)} for _ in range(2)]
    model = converted(name).quantize(sequences, scheme)
    for suffix in (".so", ".ern", ".onnx", ".tflite"):
        report = model.save(tmp_path / f"model{suffix}")
        assert report.outputs[0].sqnr_db is None or report.outputs[0].sqnr_db > (18 if scheme == "int16x4" else 30)


def test_variance_over_a_long_stream(tmp_path: Any) -> None:
    """A deviation of 0.5 around 1000, over 10^6 frames: the difference of two large means would have lost it."""
    model = edgernn.convert(Function(lambda x: x.var(1, unbiased=False)), inputs="1,T,1", name="spread")
    model.save(tmp_path / "spread.so")
    values = (1000 + 0.5 * RNG.standard_normal((1_000_000, 1))).astype(np.float32)
    with edgernn.load(tmp_path / "spread.so", engine="native") as session:
        for frame in values[:-1]:
            session.step(frame)
        found = float(session.step(values[-1])[0])
    assert abs(found / values.astype(np.float64).var() - 1) < 1e-4
