"""Magnitudes, and layers whose states are parts of a state, in integers."""

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn import ops
from edgernn.api import Model
from edgernn.ops.evaluate import run_block
from edgernn.ops.integer import MulInt16
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame

RNG = np.random.default_rng(11)


def error_db(model: Model, frames: np.ndarray, scheme: str) -> float:
    """Of what the integer model gives for its own calibration, below the signal."""
    port = model.interface.inputs[0].name
    graph = model.quantize([{port: frames}], scheme).graph
    wanted = run_block(model.graph, {port: frames}, "float32")[model.graph.outputs[0].name]
    found = run_block(graph, {port: quantize_frame(frames, graph.inputs[0])})[graph.outputs[0].name]
    error = dequantize(found, graph.outputs[0]) - wanted
    return float(10 * np.log10(np.square(wanted).sum() / np.square(error).sum()))


class Magnitude(nn.Module):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x[..., :4], x[..., 4:]
        squares = {"pow": a**2 + b**2, "mul": a * a + b * b, "square": torch.square(a) + torch.square(b)}
        return torch.sqrt(squares[self.form])


@pytest.mark.parametrize("form", ["pow", "mul", "square"])
def test_small_magnitudes_beside_large_ones(form: str) -> None:
    """Peaks are 1000 times what most frames hold, as in spectra: a root of 16-bit squares would lose those."""
    frames = RNG.uniform(-1, 1, (200, 8)).astype(np.float32)
    frames[0] = 1000.0
    model = edgernn.convert(Magnitude(form), inputs="1,T,8")
    assert error_db(model, frames[1:], "int16x8") > 75
    port = model.interface.inputs[0].name
    graph = model.quantize([{port: frames}]).graph
    found = run_block(graph, {port: quantize_frame(frames, graph.inputs[0])})[graph.outputs[0].name]
    error = np.abs(dequantize(found, graph.outputs[0]) - np.hypot(frames[:, :4], frames[:, 4:]))
    assert error.max() < 3 * graph.outputs[0].scale
    assert [type(n.op) for n in graph.nodes].count(MulInt16) == 1


def test_roots_of_other_sums_stay_roots() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sqrt(x[..., :1] ** 2 + torch.abs(x[..., 1:2]))

    frames = RNG.uniform(0.5, 1, (50, 2)).astype(np.float32)
    assert error_db(edgernn.convert(Root(), inputs="1,T,2"), frames, "int16x8") > 60


class Stacked(nn.Module):
    """A cell whose states are rows of one tensor, as exports for other runtimes have them."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](3, 5)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.kind == "lstm":
            h, c = self.cell(x, (state[0], state[1]))
            return h, torch.stack([h, c])
        h = self.cell(x, state[0])
        return h, torch.stack([h, 0.5 * state[1]])


@pytest.mark.parametrize(("scheme", "least_db"), [("int16x8", 30), ("int8", 22), ("int16x4", 10)])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_states_that_are_parts_of_a_state(kind: str, scheme: str, least_db: float) -> None:
    torch.manual_seed(3)
    model = edgernn.convert(Stacked(kind), inputs="1,3", state="2,1,5")
    assert error_db(model, RNG.standard_normal((300, 3)).astype(np.float32), scheme) > least_db


def test_the_state_of_a_layer_may_be_a_constant() -> None:
    class Fresh(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(3, 5)
            self.register_buffer("start", torch.full((1, 5), 0.25))

        def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = self.cell(x, self.start)
            return y + state, 0.5 * state + y

    torch.manual_seed(4)
    model = edgernn.convert(Fresh(), inputs="1,3", state="1,5")
    assert error_db(model, RNG.standard_normal((300, 3)).astype(np.float32), "int16x8") > 30


def test_conv_gathers_patches_in_the_fewer_parts() -> None:
    """Three positions of a long kernel are three cuts, not one for each entry."""
    module = nn.Sequential(nn.Conv1d(1, 4, 16, stride=8), nn.ReLU())

    class Framed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x.reshape(-1, 1, 32)).reshape(1, -1, 12)

    graph = edgernn.convert(Framed(), inputs="1,T,32").graph
    assert [type(n.op) for n in graph.nodes].count(ops.Slice) == 3
