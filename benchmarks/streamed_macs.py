"""Multiply-accumulates of a step against the least: what the layers of the module do for as many frames.

    python -m benchmarks.streamed_macs [--model crnn ...] [--json results.json]

The least is counted by hooks in PyTorch, on sequences of two lengths: what a longer one costs more, for each frame. So
it has no share of the ends. Windows that overlap and are computed again show as a ratio above 1. RAM is that of the
generated C: states, and the results that are alive at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from torch import Tensor, nn

import edgernn
from benchmarks.report import console, show_table, verdict, write_json
from edgernn.export.c.program import Program
from edgernn.validation.layers import layer_rows

LENGTHS = (48, 96)
LIMIT = 1.05


class Crnn(nn.Module):
    """Two convolutions over time and features with pooling of both, and a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.gru, self.head = nn.GRU(64, 32, batch_first=True), nn.Linear(32, 11)

    def forward(self, x: Tensor) -> Tensor:
        y = self.cnn(x.unsqueeze(1)).permute(0, 2, 1, 3).flatten(2)
        scores: Tensor = self.head(self.gru(y)[0])
        return scores


class Dilated(nn.Module):
    """Dilated convolutions with residual paths, as a temporal convolutional network has, and an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(16, 24, 1)
        self.layers = nn.ModuleList(nn.Conv1d(24, 24, 3, padding="same", dilation=2**k) for k in range(4))
        self.lstm, self.head = nn.LSTM(24, 32, batch_first=True), nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x.transpose(1, 2))
        for layer in self.layers:
            y = y + torch.relu(layer(y))
        scores: Tensor = self.head(self.lstm(y.transpose(1, 2))[0])
        return scores


class Separable(nn.Module):
    """Depthwise convolutions over time, strides, and a GRU, as for keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv1d(32, 32, 9, padding=4, groups=32), nn.Conv1d(32, 48, 1), nn.ReLU(), nn.AvgPool1d(2),
        )  # fmt: skip
        self.gru, self.head = nn.GRU(48, 40, batch_first=True), nn.Linear(40, 12)

    def forward(self, x: Tensor) -> Tensor:
        y = self.cnn(x.transpose(1, 2)).transpose(1, 2)
        scores: Tensor = self.head(self.gru(y)[0])
        return scores


class Video(nn.Module):
    """A convolutional network for each frame, and a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        self.gru, self.head = nn.GRU(256, 32, batch_first=True), nn.Linear(32, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.cnn(x.reshape(-1, 1, 16, 16)).reshape(x.shape[0], x.shape[1], -1)
        scores: Tensor = self.head(self.gru(y)[0])
        return scores


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "crnn": (Crnn, (16,)), "dilated": (Dilated, (16,)), "separable": (Separable, (16,)), "video": (Video, (16, 16)),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One model. Multiply-accumulates are for each frame of the input."""

    model: str
    hop: int
    delay: int
    executed: float
    least: float
    state_bytes: int
    scratch_bytes: int

    @property
    def ratio(self) -> float:
        """Executed over least."""
        return self.executed / self.least


def measured(name: str) -> Row:
    """Convert a model and count."""
    make, frame = MODELS[name]
    torch.manual_seed(0)
    module = make().eval()
    graph = edgernn.convert(module, inputs=",".join(map(str, (1, "T", *frame)))).graph
    executed = sum(row.macs for row in layer_rows(graph)) / graph.hop
    short, long = (module_macs(module, torch.zeros(1, length, *frame)) for length in LENGTHS)
    least = (long - short) / (LENGTHS[1] - LENGTHS[0])
    states = sum(state.nbytes for state in graph.states)
    return Row(name, graph.hop, graph.delay, executed, least, states, Program(graph, 1).plan.scratch_bytes)


def module_macs(module: nn.Module, x: Tensor) -> int:
    """Multiply-accumulates of all layers of ``module`` for ``x``."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], result: Tensor | tuple[Tensor, ...]) -> None:
        nonlocal total
        y = result if isinstance(result, Tensor) else result[0]
        if isinstance(layer, nn.RNNBase):
            weights = sum(math.prod(p.shape) for n, p in layer.named_parameters() if n.startswith("weight"))
            total += weights * y.shape[0] * y.shape[1]
        elif isinstance(layer, nn.Linear):
            total += y.numel() * layer.in_features
        elif isinstance(layer, nn.Conv1d | nn.Conv2d):
            total += y.numel() * math.prod(layer.weight.shape[1:])

    hooks = [layer.register_forward_hook(count) for layer in module.modules()]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    return total


@click.command()
@click.option("--model", "names", multiple=True, type=click.Choice(list(MODELS)), help="All by default.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the results to this file too.")
def main(names: tuple[str, ...], path: Path | None) -> None:
    """Count, show, and fail where a ratio is above the limit."""
    rows = [measured(name) for name in names or MODELS]
    show_table(
        "multiply-accumulates for a frame of the input",
        ["model", "hop", "delay", "executed", "least", "ratio", f"limit {LIMIT}", "state B", "scratch B"],
        [
            (
                r.model, str(r.hop), str(r.delay), f"{r.executed:,.0f}", f"{r.least:,.0f}", f"{r.ratio:.3f}",
                verdict(r.ratio, LIMIT), f"{r.state_bytes:,}", f"{r.scratch_bytes:,}",
            )
            for r in rows
        ],
    )  # fmt: skip
    write_json([{**asdict(r), "ratio": r.ratio} for r in rows], path)
    if any(r.ratio > LIMIT for r in rows):
        console.print("a step computes more than its share", style="red")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
