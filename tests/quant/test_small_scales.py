"""Values whose units are tiny: ratios of scales count, not their differences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from tests.quant.test_magnitude import error_db

RNG = np.random.default_rng(5)


class Sides(nn.Module):
    """Values of different sizes beside each other: one has to be brought to the units of the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, 0.3 * x, x - 0.5 * x.abs()], dim=-1)


class Direction(nn.Module):
    """Where something moves and how far. The units of its magnitude are known as ratios alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x[..., :1], x[..., 1:]
        far = torch.sqrt(a**2 + b**2)
        return torch.cat([x / far.clamp(min=0.05), far / 3], dim=-1)


@pytest.mark.parametrize("peak", [1.0, 1e-2, 1e-4, 1e-6])
def test_small_signals_are_as_exact_as_large_ones(peak: float) -> None:
    frames = (peak * RNG.uniform(-1, 1, (200, 4))).astype(np.float32)
    assert error_db(edgernn.convert(Sides(), inputs="1,T,4"), frames, "int16x8") > 70


def test_tflite_brings_quotients_to_the_units_of_their_neighbours(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.direction, self.gru = Direction(), nn.GRU(3, 8, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.gru(self.direction(x))[0]

    torch.manual_seed(0)
    sequences = [{"x": RNG.uniform(-4, 4, (20, 2)).astype(np.float32)} for _ in range(8)]
    model = edgernn.convert(Net(), inputs="1,T,2").quantize(sequences)
    assert model.save(tmp_path / "net.tflite", calibration=sequences).passed
