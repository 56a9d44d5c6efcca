"""Models whose outputs depend on frames long past, and what each gives for 1,000 frames in float."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import edgernn
from edgernn import ops
from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.quant import quantize, quantize_weights
from tests.ops.cases.base import CaseBuilder
from tests.runtime.test_numba_integers import float_model

STEPS, CALIBRATION_STEPS = 1000, 500
SCHEMES = ("int16x8", "int8", "int16x4", "weights8")
LEAST_DB = {"int16x8": 38.0, "weights8": 38.0, "int8": 33.0, "int16x4": 12.0}
"""Scheme -> least power of the outputs over that of their errors against float, those of the weights among them."""
TOKENS = 11


@dataclass(frozen=True)
class Stream:
    """A float step program, 1,000 frames of its input, and its outputs for them in float64."""

    graph: Graph
    frames: np.ndarray
    wanted: np.ndarray

    def decibels(self, found: np.ndarray) -> tuple[float, float]:
        """Power of the outputs over that of the errors: of all frames, and of the last 100."""
        return _decibels(self.wanted, found), _decibels(self.wanted[-100:], found[-100:])

    @cached_property
    def decibels_without_memory(self) -> float:
        """Of what the float program gives when its states are wiped before each frame; over some of the frames."""
        name, port = self.graph.outputs[0].name, self.graph.inputs[0].name
        found = [run_block(self.graph, {port: frame[None]})[name] for frame in self.frames[::10]]
        return _decibels(self.wanted[::10], np.concatenate(found))


def _decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    noise = float(np.sum(np.square(found - wanted)))
    return 10 * float(np.log10(np.sum(np.square(wanted)) / noise)) if noise else float("inf")


def two_layers() -> Graph:
    """LSTM, GRU and a linear layer."""
    case = CaseBuilder("two_layers")
    x, h1, c1, h2 = case.input(6), case.state(24), case.state(24), case.state(20)
    weights = [case.weight(96, 6), case.weight(96, 24, scale=0.25), case.weight(96)]
    y, c = case.builder.add(ops.Lstm(24), [x, h1, c1, *weights])
    case.carry(h1, y)
    case.carry(c1, c)
    weights = [case.weight(60, 24), case.weight(60, 20, scale=0.25), case.weight(60), case.weight(60)]
    z = case.builder.add1(ops.Gru(20), [y, h2, *weights])
    case.carry(h2, z)
    return case.done(case.builder.add1(ops.Linear(), [z, case.weight(4, 20), case.weight(4)])).graph


def embedding() -> Graph:
    """Tokens, their vectors, GRU and a linear layer."""
    case = CaseBuilder("embedding")
    tokens, h = case.tokens(TOKENS), case.state(24)
    x = case.builder.add1(ops.Embedding(), [tokens, case.weight(TOKENS, 9, scale=1.0)])
    weights = [case.weight(72, 9), case.weight(72, 24, scale=0.25), case.weight(72), case.weight(72)]
    y = case.builder.add1(ops.Gru(24), [x, h, *weights])
    case.carry(h, y)
    return case.done(case.builder.add1(ops.Linear(), [y, case.weight(TOKENS, 24), case.weight(TOKENS)])).graph


def projected() -> Graph:
    """LSTM with projection, and a linear layer."""
    case = CaseBuilder("projected")
    x, h, c = case.input(6), case.state(9), case.state(24)
    weights = [case.weight(96, 6), case.weight(96, 9, scale=0.25), case.weight(96), case.weight(9, 24, scale=0.25)]
    y, after = case.builder.add(ops.Lstm(24, 9), [x, h, c, *weights])
    case.carry(h, y)
    case.carry(c, after)
    return case.done(case.builder.add1(ops.Linear(), [y, case.weight(4, 9), case.weight(4)])).graph


def several_scales() -> Graph:
    """GRU, and sums of its h read in several scales: sigmoid(4 h), tanh(0.3 h), the mean and the variance of h."""
    case = CaseBuilder("several_scales")
    x, h = case.input(6), case.state(16)
    weights = [case.weight(48, 6), case.weight(48, 16, scale=0.25), case.weight(48), case.weight(48)]
    y = case.builder.add1(ops.Gru(16), [x, h, *weights])
    case.carry(h, y)
    add1, scalar = case.builder.add1, case.builder.scalar

    def times(factor: float) -> str:
        return add1(ops.Binary("mul"), [y, scalar(factor)])

    mean = add1(ops.Reduce("mean", (-1,), True), [y])
    centred = add1(ops.Binary("sub"), [y, mean])
    variance = add1(ops.Reduce("mean", (-1,), True), [add1(ops.Binary("mul"), [centred, centred])])
    gates = [add1(ops.Unary("sigmoid"), [times(4.0)]), add1(ops.Unary("tanh"), [times(0.3)])]
    total = add1(ops.Binary("add"), [add1(ops.Binary("sub"), gates), add1(ops.Binary("maximum"), [y, times(-0.5)])])
    total = add1(ops.Binary("add"), [add1(ops.Binary("add"), [total, mean]), variance])
    return case.done(add1(ops.Concat(-1), [total, y, times(3.0)])).graph


class Spectrogram(nn.Module):
    """Convolution over time, LSTM with projection, normalisation, GRU and the logarithm of softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(8, 12, 3), nn.LayerNorm(8)
        self.lstm = nn.LSTM(12, 20, proj_size=8, batch_first=True)
        self.gru, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.conv(functional.pad(x.transpose(1, 2), (2, 0)))).transpose(1, 2)
        y = functional.silu(self.gru(self.norm(self.lstm(y)[0]))[0])
        return functional.log_softmax(self.head(y), -1)


class Pooled(nn.Module):
    """The mean, the largest and a weighted mean of all frames so far, which int8 has in scales of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(8, 16, 2, batch_first=True)
        self.score, self.head = nn.Linear(16, 1), nn.Linear(48, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.rnn(x)[0]
        weighted = (torch.softmax(self.score(y), 1) * y).sum(1)
        result: torch.Tensor = self.head(torch.cat([y.mean(1), y.amax(1), weighted], -1))
        return result


def converted(kind: type[nn.Module]) -> Graph:
    """The step program of a PyTorch module with eight inputs."""
    torch.manual_seed(6)
    module = kind()
    with torch.no_grad():
        for weights in module.parameters():
            weights.mul_(2.0)
    return edgernn.convert(module, inputs="1,T,8").graph


MODELS: dict[str, Callable[[], Graph]] = {
    "lstm": lambda: float_model("lstm", hidden=17),
    "gru": lambda: float_model("gru", hidden=16),
    "rnn": lambda: float_model("rnn", hidden=9),
    "two_layers": two_layers,
    "embedding": embedding,
    "spectrogram": lambda: converted(Spectrogram),
    "pooled": lambda: converted(Pooled),
    "projected": projected,
    "several_scales": several_scales,
}


def _frames(graph: Graph, count: int, seed: int) -> np.ndarray:
    port, rng = graph.inputs[0], np.random.default_rng(seed)
    if port.dtype == "int32":
        return rng.integers(0, TOKENS, (count, *port.shape)).astype(np.int32)
    return rng.standard_normal((count, *port.shape)).astype(np.float32)


@cache
def quantized(model: str, scheme: str) -> Graph:
    """The program of a model in ``scheme``, calibrated with other frames."""
    graph = stream(model).graph
    if scheme == "weights8":
        return quantize_weights(graph)
    return quantize(graph, [{graph.inputs[0].name: _frames(graph, CALIBRATION_STEPS, seed=8)}], scheme).graph


@cache
def stream(model: str) -> Stream:
    """The model of this name."""
    graph = MODELS[model]()
    frames = _frames(graph, STEPS, seed=9)
    return Stream(graph, frames, run_block(graph, {graph.inputs[0].name: frames})[graph.outputs[0].name])
