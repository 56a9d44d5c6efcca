"""Random whole-sequence modules: recurrent layers with the usual things around them."""

from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

WIDTHS = (1, 3, 4, 5, 8, 15, 16, 17, 24)
TOKENS = 9
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "gelu": nn.GELU, "elu": nn.ELU, "tanh": nn.Tanh, "silu": nn.SiLU, "leaky": nn.LeakyReLU,
    "softplus": nn.Softplus, "hardtanh": nn.Hardtanh, "softsign": nn.Softsign,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One element of the chain: rnn, lstm, gru, linear, layer_norm, batch_norm, dropout, or a key of ACTIVATIONS."""

    kind: str
    width: int = 1
    depth: int = 1
    bias: bool = True
    projected: bool = False
    residual: bool = False


@dataclass(frozen=True)
class Design:
    """What a module is made of. ``end`` is frames, last, state or all."""

    width: int
    tokens: bool
    batch_first: bool
    packed: bool
    layers: tuple[Layer, ...]
    end: str

    @property
    def inputs(self) -> list[str]:
        """The specs of its arguments."""
        sequence = "1,T" if self.batch_first else "T,1"
        return [
            f"int:{sequence}" if self.tokens else f"{sequence},{self.width}",
            *(["length:1"] if self.packed else []),
        ]


class RandomNet(nn.Module):
    """The module of a design."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        self.embedding = nn.Embedding(TOKENS, design.width) if design.tokens else nn.Identity()
        self.layers, width = nn.ModuleList(), design.width
        for layer in design.layers:
            module, width = self._made(layer, width)
            self.layers.append(module)
        self.head = nn.Linear(width, 3)

    def _made(self, layer: Layer, width: int) -> tuple[nn.Module, int]:
        options: dict[str, Any] = {
            "batch_first": self.design.batch_first,
            "bias": layer.bias,
            "num_layers": layer.depth,
        }
        if layer.kind == "lstm" and layer.projected and layer.width > 1:
            return nn.LSTM(width, layer.width, proj_size=layer.width // 2, **options), layer.width // 2
        if layer.kind in ("rnn", "lstm", "gru"):
            return {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[layer.kind](
                width, layer.width, **options
            ), layer.width
        if layer.kind == "linear":
            return nn.Linear(width, layer.width, bias=layer.bias), layer.width
        if layer.kind == "layer_norm":
            return nn.LayerNorm(width, eps=1e-2), width
        if layer.kind == "batch_norm":
            return nn.BatchNorm1d(width), width
        return (nn.Dropout(0.3) if layer.kind == "dropout" else ACTIVATIONS[layer.kind]()), width

    def _applied(self, module: nn.Module, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Any]:
        first = self.design.batch_first
        if isinstance(module, nn.RNNBase) and lengths is not None:
            packed, state = module(pack_padded_sequence(x, lengths, batch_first=first))
            return pad_packed_sequence(packed, batch_first=first)[0], state
        if isinstance(module, nn.RNNBase):
            y, state = module(x)
            return y, state
        if isinstance(module, nn.BatchNorm1d):
            axes = (0, 2, 1) if first else (1, 2, 0)
            return module(x.permute(*axes)).permute(*((0, 2, 1) if first else (2, 0, 1))), None
        return module(x), None

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Any:
        x, state = self.embedding(x), None
        for layer, module in zip(self.design.layers, self.layers, strict=True):
            y, made = self._applied(module, x, lengths)
            state = made if made is not None else state
            x = x + y if layer.residual and x.shape == y.shape else y
        last = x[:, -1] if self.design.batch_first else x[-1]
        h = state[0] if isinstance(state, tuple) else state
        ends = {"frames": self.head(x), "last": self.head(last), "state": h, "all": (torch.tanh(x), self.head(last), h)}
        return ends[self.design.end]


def layers() -> st.SearchStrategy[Layer]:
    """Recurrent layers as often as all others together."""
    recurrent = st.builds(
        Layer, kind=st.sampled_from(["rnn", "lstm", "gru"]), width=st.sampled_from(WIDTHS), depth=st.integers(1, 2),
        bias=st.booleans(), projected=st.booleans(), residual=st.booleans(),
    )  # fmt: skip
    other = st.builds(
        Layer, kind=st.sampled_from(["linear", "layer_norm", "batch_norm", "dropout", *ACTIVATIONS]),
        width=st.sampled_from(WIDTHS), bias=st.booleans(), residual=st.booleans(),
    )  # fmt: skip
    return st.one_of(recurrent, other)


def designs() -> st.SearchStrategy[Design]:
    """Designs with at least one recurrent layer."""
    chains = st.lists(layers(), min_size=1, max_size=5).filter(
        lambda ls: any(x.kind in ("rnn", "lstm", "gru") for x in ls)
    )
    return st.builds(
        Design, width=st.sampled_from(WIDTHS), tokens=st.booleans(), batch_first=st.booleans(), packed=st.booleans(),
        layers=chains.map(tuple), end=st.sampled_from(["frames", "last", "state", "all"]),
    )  # fmt: skip
