"""Transposed convolution, strided convolution, patches and cumulative sums of frames, and variance over time: on every
engine in float, and in every integer scheme."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

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

    def __init__(self, layer: nn.Module, shape: tuple[int, ...] = ONE) -> None:
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


MODELS: dict[str, nn.Module] = {
    "transposed_stride_2": Framed(nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)),
    "transposed_stride_3_kernel_2": Framed(nn.ConvTranspose1d(2, 4, 2, stride=3)),
    "transposed_groups_dilation_output_padding": Framed(
        nn.ConvTranspose1d(2, 4, 3, stride=2, padding=2, output_padding=1, groups=2, dilation=2, bias=False)
    ),
    "transposed_stride_1": Framed(nn.ConvTranspose1d(2, 2, 5, padding=2)),
    "transposed_two_axes": Framed(nn.ConvTranspose2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), TWO),
    "transposed_two_axes_groups": Framed(nn.ConvTranspose2d(2, 2, 2, stride=2, groups=2), TWO),
    "strided": Framed(nn.Conv1d(2, 4, 4, stride=2, padding=1)),
    "strided_long_kernel": Framed(nn.Conv1d(1, 3, 8, stride=4), (-1, 1, 12)),
    "strided_two_axes": Framed(nn.Conv2d(2, 3, 2, stride=(1, 2), padding=1), TWO),
    "prelu": Framed(nn.PReLU(2)),
    "glu": Framed(nn.GLU(1)),
    "unfold": Function(lambda x: x.unfold(-1, 4, 2).flatten(2)),
    "unfold_of_an_inner_axis": Function(lambda x: x.reshape(1, -1, 6, 2).unfold(2, 3, 1).flatten(2)),
    "patches": Function(lambda x: F.unfold(x.reshape(TWO), 2, padding=1, stride=(1, 2)).flatten(1)[None]),
    "cumulative_sum": Function(lambda x: torch.cumsum(x, -1)),
    "cumulative_sum_of_an_inner_axis": Function(lambda x: torch.cumsum(x.reshape(1, -1, 3, 4), 2).flatten(2)),
    "variance_over_time": Function(lambda x: x.var(1, unbiased=False)),
    "deviation_over_time_and_features": Function(lambda x: x.reshape(1, -1, 3, 4).std((1, 3), correction=0)),
    "variance_and_mean_over_time": Function(lambda x: torch.cat(torch.var_mean(x, 1, correction=0, keepdim=True), -1)),
}


class All(nn.Module):
    """The outputs of all models, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.models = nn.ModuleDict(MODELS)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: model(x) for name, model in self.models.items()}


@cache
def converted() -> edgernn.Model:
    return edgernn.convert(randomized(All()), inputs="1,T,12")


@pytest.mark.parametrize("engine", ENGINES)
def test_all_in_float(engine: str) -> None:
    require(engine)
    report = check(converted(), engine)
    assert report.passed, report.failures()


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4"])
def test_all_in_integers(scheme: str, tmp_path: Path) -> None:
    """NumPy and C give the same integers, which are near PyTorch, as the other runtimes are; saving proves it."""
    sequences = [{"x": RNG.standard_normal((60, 12)).astype(np.float32)} for _ in range(2)]
    model = converted().quantize(sequences, scheme)
    for suffix in (".so", ".ern", ".onnx", ".tflite"):
        report = model.save(tmp_path / f"model{suffix}")
        assert {o.output for o in report.outputs} == set(MODELS)
        for output in report.outputs:
            assert output.sqnr_db is not None and output.sqnr_db > (18 if scheme == "int16x4" else 30), output


def test_variance_over_a_long_stream(tmp_path: Path) -> None:
    """A deviation of 0.5 around 1000, over 10^6 frames: the difference of two large means would have lost it."""
    model = edgernn.convert(Function(lambda x: x.var(1, unbiased=False)), inputs="1,T,1", name="spread")
    model.save(tmp_path / "spread.so")
    values = (1000 + 0.5 * RNG.standard_normal((1_000_000, 1))).astype(np.float32)
    with edgernn.load(tmp_path / "spread.so", engine="native") as session:
        for frame in values[:-1]:
            session.step(frame)
        found = float(session.step(values[-1])[0])
    assert abs(found / values.astype(np.float64).var() - 1) < 1e-4
