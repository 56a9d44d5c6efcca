"""Logarithms of power in integers: front ends of squares, bands and logarithms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn import ops
from edgernn.features import LogMel
from edgernn.ops.evaluate import run_block
from edgernn.ops.integer import DivInt16, LogPowerInt16
from edgernn.quant import quantize
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame

RNG = np.random.default_rng(12)
SAMPLES, BANDS = 64, 8
EPSILON = 1e-4
FORMS = ("abs2", "pow", "parts", "clamp", "norm", "no_bands", "db")


class FrontEnd(nn.Module):
    """Log power of bands, as people write it."""

    filters: torch.Tensor

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        filters = np.zeros((SAMPLES // 2 + 1, BANDS), np.float32)
        for band in range(BANDS):
            filters[4 * band : 4 * band + 5, band] = RNG.uniform(0.1, 1, 5)
        self.register_buffer("filters", torch.from_numpy(filters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.fft.rfft(x)
        power = {
            "abs2": lambda: spectrum.abs() ** 2,
            "pow": lambda: spectrum.abs().pow(2.0),
            "norm": lambda: torch.linalg.vector_norm(torch.view_as_real(spectrum), dim=-1).square(),
        }.get(self.form, lambda: spectrum.real**2 + spectrum.imag**2)()
        if self.form == "no_bands":
            return torch.log(power + EPSILON)
        mel = power @ self.filters
        if self.form == "db":
            return 10 * torch.log10(mel + EPSILON)
        return mel.clamp(min=EPSILON).log() if self.form == "clamp" else torch.log(EPSILON + mel)


def sound(count: int, range_db: float) -> np.ndarray:
    """Frames between loud and as much below."""
    level = 10 ** RNG.uniform(-range_db / 20, 0, (count, 1))
    return (level * RNG.standard_normal((count, SAMPLES))).astype(np.float32)


@pytest.mark.parametrize(("scheme", "range_db", "nats"), [("int16x8", 60, 0.03), ("int8", 20, 0.3)])
@pytest.mark.parametrize("form", FORMS)
def test_front_ends(form: str, scheme: str, range_db: float, nats: float) -> None:
    """What is left is the error of the transform in 8-bit weights, and in int8 that of its input."""
    model = edgernn.convert(FrontEnd(form), inputs=f"1,T,{SAMPLES}")
    frames = sound(300, range_db)
    graph = model.quantize([frames], scheme).graph
    kinds = [type(node.op) for node in graph.nodes]
    assert kinds.count(LogPowerInt16) == 1
    found = dequantize(run_block(graph, {"x": quantize_frame(frames, graph.inputs[0])})["output"], graph.outputs[0])
    wanted = run_block(model.graph, {"x": frames}, "float32")["output"]
    error = np.abs(found - wanted) / (10 / np.log(10) if form == "db" else 1)
    assert np.sqrt(np.square(error).mean()) < nats


def test_it_is_exact_up_to_the_logarithm() -> None:
    """Of two numbers that need no transform; the quietest are a ten-thousandth of the loudest."""

    class Power(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.log(x[..., :5] ** 2 + x[..., 5:] ** 2 + 1e-12)

    frames = np.rint(32767 * RNG.uniform(-1, 1, (200, 10)) * 10 ** RNG.uniform(-4, 0, (200, 1))).astype(np.float32)
    frames[0, :] = 32767.0
    model = edgernn.convert(Power(), inputs="1,T,10")
    quantized = quantize(model.graph, [{"x": frames}], given={"x": ("int16", 1.0)}).graph
    found = run_block(quantized, {"x": frames.astype(np.int16)})["output"]
    real = frames.astype(np.float64)
    wanted = np.log(np.maximum(real[:, :5] ** 2 + real[:, 5:] ** 2, 1 / 32767))
    np.testing.assert_allclose(dequantize(found, quantized.outputs[0]), wanted, atol=1.5e-3)


def test_the_log_mel_front_end_passes_its_proof(tmp_path: Path) -> None:
    front_end = LogMel(16000, 256, 256, 128, 16, power=2.0, floor=1e-3)
    model = edgernn.convert(front_end, inputs="1,T,128")
    level = 10 ** RNG.uniform(-2, 0, (120, 1))
    integers = model.quantize([(level * RNG.standard_normal((120, 128))).astype(np.float32)])
    assert integers.save(tmp_path / "mel.ern").passed


def test_what_is_no_power_keeps_its_table() -> None:
    """Weights below zero, an offset of its own for each band, a power of one number."""

    class Other(nn.Module):
        def __init__(self, form: str) -> None:
            super().__init__()
            self.form = form

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            power = x[..., :2] ** 2 + x[..., 2:] ** 2
            if self.form == "signs":
                return torch.log(power @ torch.tensor([[1.0], [-0.1]]) + 9)
            if self.form == "offsets":
                return torch.log(power + torch.tensor([1.0, 2.0]))
            return torch.log(x**2 + 1)

    frames = RNG.uniform(-1, 1, (50, 4)).astype(np.float32)
    for form in ("signs", "offsets", "square"):
        model = edgernn.convert(Other(form), inputs="1,T,4")
        graph = model.quantize([frames]).graph
        assert LogPowerInt16 not in {type(node.op) for node in graph.nodes}, form
        found = run_block(graph, {"x": quantize_frame(frames, graph.inputs[0])})["output"]
        wanted = run_block(model.graph, {"x": frames}, "float32")["output"]
        np.testing.assert_allclose(dequantize(found, graph.outputs[0]), wanted, atol=0.02)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("keepdim", [False, True])
def test_norms_of_two_numbers_are_magnitudes(axis: int, keepdim: bool) -> None:
    """A root of 16-bit squares would lose what is small beside the first frame."""

    class Norm(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            pairs = x.reshape(1, -1, *((4, 2) if axis == -1 else (2, 4)))
            norms: torch.Tensor = torch.linalg.vector_norm(pairs, dim=axis, keepdim=keepdim)
            return norms

    frames = RNG.uniform(-1, 1, (200, 8)).astype(np.float32)
    frames[0] = 1000.0
    model = edgernn.convert(Norm(), inputs="1,T,8")
    graph = model.quantize([frames]).graph
    assert [type(node.op) for node in graph.nodes].count(DivInt16) == 1
    found = run_block(graph, {"x": quantize_frame(frames, graph.inputs[0])})["output"]
    wanted = run_block(model.graph, {"x": frames}, "float32")["output"]
    assert np.abs(dequantize(found, graph.outputs[0]) - wanted).max() < 3 * (graph.outputs[0].scale or 0)


def test_norms_of_three_numbers_are_roots() -> None:
    class Norm(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            norms: torch.Tensor = torch.linalg.vector_norm(x.reshape(1, -1, 2, 3), dim=-1)
            return norms

    model = edgernn.convert(Norm(), inputs="1,T,6")
    graph = model.quantize([RNG.uniform(0.5, 1, (50, 6)).astype(np.float32)]).graph
    assert DivInt16 not in {type(node.op) for node in graph.nodes}
    assert ops.Reduce in {type(node.op) for node in model.graph.nodes}
