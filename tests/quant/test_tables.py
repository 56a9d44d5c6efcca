"""Functions of wide ranges keep their small arguments apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.ops.integer.elementwise import RescaleInt16, TableInt16
from edgernn.quant.tables import FINER

Function = Callable[[Tensor], Tensor]


class Elementwise(nn.Module):
    """One function of each element."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def quantized(function: Function, x: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> edgernn.Model:
    model = edgernn.convert(Elementwise(function).eval(), inputs=f"1,T,{x.shape[1]}")
    return model.quantize([{model.interface.inputs[0].name: x}], "int16x8")


def spread(least: float, largest: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Of all magnitudes, as many of each."""
    return np.geomspace(least, largest, 4000, dtype=np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("function", "wanted", "error"),
    [
        (lambda x: torch.log(x.clamp(min=0.02)), lambda x: np.log(np.maximum(x, 0.02)), 0.09),
        (torch.sqrt, np.sqrt, 0.02),
        (lambda x: torch.pow(x.clamp(min=0.0), 0.3), lambda x: np.power(x, 0.3), 0.04),
    ],
    ids=["log", "sqrt", "cube root"],
)
@pytest.mark.parametrize("suffix", [".ern", ".so"])
def test_small_arguments_are_as_exact_as_large_ones(
    function: Function, wanted: Callable[..., np.ndarray[..., np.dtype[np.float32]]], error: float, suffix: str,
    tmp_path: object,
) -> None:  # fmt: skip
    x = spread(0.02, 100.0)
    path = f"{tmp_path}/f{suffix}"
    quantized(function, x).save(path)
    with edgernn.load(path) as session:
        found = np.stack([session.step(frame) for frame in x])
    assert np.abs(found - wanted(x)).max() < error


def test_one_table_is_enough_where_lines_are() -> None:
    x = np.linspace(-4, 4, 4000, dtype=np.float32).reshape(-1, 4)
    graph = quantized(torch.nn.functional.gelu, x).graph
    assert [type(node.op) for node in graph.nodes] == [TableInt16]
    graph = quantized(torch.sqrt, spread(0.001, 100.0)).graph
    kinds = [type(node.op) for node in graph.nodes]
    assert kinds.count(TableInt16) == 3 and kinds.count(RescaleInt16) == 2
    rescales = [node.op for node in graph.nodes if isinstance(node.op, RescaleInt16)]
    assert all(op.multiplier / 2**op.shift == FINER for op in rescales)
