"""Random modules that mix frames: convolution, pooling, strides, skips, statistics over time, recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (1, 3, 4, 6, 8)
MAX_HOP = 4
SLOWER = ("stride", "max_pool_2", "avg_pool_2", "stack", "every_second")
RECURRENT = ("rnn", "lstm", "gru")
KINDS = (
    "same", "causal", "dilated", "depthwise", "dense", "glu", "linear", "relu", "prelu", "layer_norm", "batch_norm",
    "max_pool_3", "avg_pool_3", "difference", "feature_pool", "frame_cnn", "magnitude", *SLOWER,
)  # fmt: skip
ENDS = ("frames", "last", "mean", "max", "attention", "both")


@dataclass(frozen=True)
class Part:
    """One element of the chain, a name in KINDS or RECURRENT. ``size`` is a kernel's."""

    kind: str
    width: int = 4
    size: int = 3
    residual: bool = False


@dataclass(frozen=True)
class Plan:
    """What a module is made of; ``both_ways`` for whole segments."""

    width: int
    parts: tuple[Part, ...]
    end: str
    both_ways: bool

    @property
    def hop(self) -> int:
        """Frames of the input for one at the end."""
        return 2 ** sum(part.kind in SLOWER for part in self.parts)


class Timed(nn.Module):
    """The module of a plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, width = plan, plan.width
        self.made = nn.ModuleList()
        for part in plan.parts:
            module, width = self._made(part, width)
            self.made.append(module)
        self.head, self.score = nn.Linear(width, 3), nn.Linear(width, 1)

    def _made(self, part: Part, width: int) -> tuple[nn.Module, int]:
        kind, size, out = part.kind, part.size, part.width
        if kind in RECURRENT:
            layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
            ways = self.plan.both_ways
            return layer(width, out, batch_first=True, bidirectional=ways), out * (1 + ways)
        convolutions: dict[str, Any] = {
            "same": lambda: (nn.Conv1d(width, out, size, padding="same"), out),
            "causal": lambda: (nn.Conv1d(width, out, size), out),
            "dilated": lambda: (nn.Conv1d(width, out, size, padding="same", dilation=2), out),
            "depthwise": lambda: (nn.Conv1d(width, width, size, padding="same", groups=width), width),
            "dense": lambda: (nn.Conv1d(width, out, size, padding="same"), width + out),
            "glu": lambda: (nn.Linear(width, 2 * out), out),
            "linear": lambda: (nn.Linear(width, out), out),
            "stride": lambda: (nn.Conv1d(width, out, 3, stride=2, padding=1), out),
            "stack": lambda: (nn.Identity(), 2 * width),
            "layer_norm": lambda: (nn.LayerNorm(width, eps=1e-2), width),
            "batch_norm": lambda: (nn.BatchNorm1d(width), width),
            "prelu": lambda: (nn.PReLU(), width),
            "frame_cnn": lambda: (nn.Conv1d(1, 2, 3, padding=1), 2 * width),
            "difference": lambda: (nn.Identity(), 2 * width),
            "feature_pool": lambda: (nn.MaxPool1d(2), width // 2) if width > 1 else (nn.Identity(), width),
        }
        found: tuple[nn.Module, int] = convolutions.get(kind, lambda: (nn.Identity(), width))()
        return found

    def forward(self, x: Tensor) -> Any:
        for part, module in zip(self.plan.parts, self.made, strict=True):
            y = applied(part, module, x)
            x = x + y if part.residual and x.shape == y.shape else y
        frames = self.head(x)
        weights = torch.softmax(self.score(x), 1)
        ends = {
            "frames": lambda: frames, "last": lambda: frames[:, -1], "mean": lambda: x.mean(1),
            "max": lambda: x.amax(1), "attention": lambda: (weights * x).sum(1), "both": lambda: (frames, x.mean(1)),
        }  # fmt: skip
        return ends[self.plan.end]()


def applied(part: Part, module: nn.Module, x: Tensor) -> Tensor:
    """One element over [1, T, F]."""
    kind, columns = part.kind, x.transpose(1, 2)
    results: dict[str, Any] = {
        "causal": lambda: module(F.pad(columns, (part.size - 1, 0))).transpose(1, 2),
        "dense": lambda: torch.cat((columns, module(columns)), 1).transpose(1, 2),
        "glu": lambda: F.glu(module(x), -1),
        "max_pool_2": lambda: F.max_pool1d(columns, 2).transpose(1, 2),
        "avg_pool_2": lambda: F.avg_pool1d(columns, 2).transpose(1, 2),
        "max_pool_3": lambda: F.max_pool1d(columns, 3, 1, 1).transpose(1, 2),
        "avg_pool_3": lambda: F.avg_pool1d(columns, 3, 1, 1).transpose(1, 2),
        "stack": lambda: x.reshape(x.shape[0], x.shape[1] // 2, 2 * x.shape[2]),
        "every_second": lambda: x[:, ::2],
        "difference": lambda: torch.cat((x, x - F.pad(x[:, :-1], (0, 0, 1, 0))), -1),
        "frame_cnn": lambda: module(x.reshape(-1, 1, x.shape[2])).reshape(x.shape[0], x.shape[1], -1),
        "magnitude": lambda: torch.sqrt(x * x + 1.0),
        "relu": lambda: torch.relu(x),
    }  # fmt: skip
    if kind in results:
        found: Tensor = results[kind]()
        return found
    if kind in ("same", "dilated", "depthwise", "stride", "batch_norm"):
        over_columns: Tensor = module(columns)
        return over_columns.transpose(1, 2)
    y = module(x)
    return y[0] if isinstance(y, tuple) else y


def plans(both_ways: bool) -> st.SearchStrategy[Plan]:
    """Plans with one recurrent layer, or two; of segments, frames are dropped before it alone."""
    part = st.builds(
        Part, kind=st.sampled_from(KINDS), width=st.sampled_from(WIDTHS), size=st.sampled_from((1, 2, 3, 5)),
        residual=st.booleans(),
    )  # fmt: skip
    recurrent = st.builds(Part, kind=st.sampled_from(RECURRENT), width=st.sampled_from(WIDTHS), residual=st.booleans())
    after = part.filter(lambda p: p.kind not in SLOWER) if both_ways else part
    chains = st.tuples(st.lists(part, max_size=3), recurrent, st.lists(after, max_size=2), st.none() | recurrent)
    parts = chains.map(lambda c: (*c[0], c[1], *c[2], *([c[3]] if c[3] else [])))
    found = st.builds(
        Plan, width=st.sampled_from(WIDTHS), parts=parts, end=st.sampled_from(ENDS), both_ways=st.just(both_ways)
    )
    return found.filter(lambda p: p.hop <= MAX_HOP)
