"""Bidirectional layers with look-ahead, as modules to train and as one operator of traced graphs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeGuard

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from edgernn.capture.windows import Layers, run
from edgernn.errors import UsageError

TARGET = "edgernn.lookahead.default"
RECURRENT = (nn.LSTM, nn.GRU, nn.RNN)
_SCHEMA = (
    "lookahead(str kind, Tensor input, Tensor[] hx, Tensor[] weights, bool has_biases, int layers, int chunk, "
    "int lookahead) -> Tensor[]"
)
_tracing: list[bool] = []


class LookaheadRNN(nn.Module):
    """A bidirectional ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` that looks a fixed number of frames ahead.

    The sequence is cut from its start into chunks of ``chunk`` frames. In each layer the forward direction runs over
    the whole sequence. The backward direction runs through a window for each chunk: it starts, from zeros, or from its
    row of ``hx``, ``lookahead`` frames after the end of the chunk, or at the end of the sequence where that is earlier,
    and its outputs for the frames of the chunk are kept. A layer above does the same with the outputs of the layer
    below, so what an output depends on reaches ``lookahead`` frames further with each layer. Where a chunk and its
    look-ahead cover the sequence, it computes what the bidirectional layer does.

    Weights are those of ``rnn``, under the same names, so state dicts fit both. It is called as ``rnn`` is, batches,
    packed ones and single sequences included, and returns what ``rnn`` does; of the backward direction ``h_n`` and
    ``c_n`` are those at the first frame.
    Source: the latency-controlled BLSTM of Zhang et al., https://arxiv.org/abs/1510.08983, whose upper layers see
    the window of the first one alone; here each layer has its own.
    """

    def __init__(self, rnn: nn.LSTM | nn.GRU | nn.RNN, chunk: int, lookahead: int) -> None:
        super().__init__()
        _check(rnn, chunk, lookahead)
        self.chunk, self.lookahead = chunk, lookahead
        self.kind = rnn.mode.lower()
        self.input_size, self.hidden_size, self.proj_size = rnn.input_size, rnn.hidden_size, rnn.proj_size
        self.num_layers, self.bias, self.dropout = rnn.num_layers, rnn.bias, rnn.dropout
        self.batch_first, self.bidirectional = rnn.batch_first, True
        for name, parameter in rnn.named_parameters(recurse=False):
            self.register_parameter(name, parameter)

    def extra_repr(self) -> str:
        """What PyTorch prints of it."""
        layer = f"{self.kind}, {self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"
        return f"{layer}, batch_first={self.batch_first}, chunk={self.chunk}, lookahead={self.lookahead}"

    def flatten_parameters(self) -> None:
        """Nothing: for code that calls it for the layer it had."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """As the layer that it was made of."""
        if not isinstance(input, PackedSequence):
            return self._of_tensor(input, hx)
        frames, lengths = pad_packed_sequence(input)
        output, state = self._of_frames(frames, _rows(hx), None if _tracing else lengths)
        packed = pack_padded_sequence(output, lengths, enforce_sorted=False)
        return packed, state

    def _of_tensor(self, input: torch.Tensor, hx: Any) -> tuple[Any, Any]:
        if input.dim() not in (2, 3) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"LookaheadRNN takes [T, B, {self.input_size}] (batch_first=False), [B, T, {self.input_size}] or, of "
                f"one sequence, [T, {self.input_size}]; found {list(input.shape)}"
            )
        single = input.dim() == 2
        swapped = self.batch_first and not single
        frames = input.unsqueeze(1) if single else input.transpose(0, 1) if swapped else input
        rows = [h.unsqueeze(1) for h in _rows(hx)] if single else _rows(hx)
        output, state = self._of_frames(frames, rows, None)
        if single:
            states = tuple(s.squeeze(1) for s in state) if isinstance(state, tuple) else state.squeeze(1)
            return output.squeeze(1), states
        return output.transpose(0, 1) if swapped else output, state

    def _of_frames(self, frames: torch.Tensor, hx: Sequence[torch.Tensor], lengths: Any) -> tuple[torch.Tensor, Any]:
        """Of [T, B, F]; ``lengths`` of the sequences where they differ."""
        starts = list(hx) or self._zeros(frames)
        settings = (self.kind, self.bias, self.num_layers, self.chunk, self.lookahead)
        if _tracing:
            kind, has_biases, layers, chunk, ahead = settings
            results = _operator()(kind, frames, starts, self._weights(), has_biases, layers, chunk, ahead)
        else:
            dropout = self.dropout if self.training else 0.0
            results = run(Layers(*settings, self._weights(), dropout, self.training), frames, starts, lengths)
        output, *states = results
        return output, tuple(states) if self.kind == "lstm" else states[0]

    def _zeros(self, frames: torch.Tensor) -> list[torch.Tensor]:
        sizes = [self.proj_size or self.hidden_size, self.hidden_size] if self.kind == "lstm" else [self.hidden_size]
        return [frames.new_zeros(2 * self.num_layers, frames.shape[1], size) for size in sizes]

    def _weights(self) -> list[torch.Tensor]:
        """Of each layer, forwards and backwards, in PyTorch's order."""
        kinds = ["weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ())]
        kinds += ["weight_hr"] if self.proj_size else []
        rows = [f"l{k}{side}" for k in range(self.num_layers) for side in ("", "_reverse")]
        return [self.get_parameter(f"{kind}_{row}") for row in rows for kind in kinds]


def with_lookahead(module: nn.Module, chunk: int, lookahead: int) -> nn.Module:
    """A copy of ``module`` whose bidirectional layers are LookaheadRNN. Raises UsageError where there are none."""
    found = [m for m in module.modules() if looks_back(m)]
    if not found:
        raise UsageError(
            "the model has no bidirectional nn.LSTM, nn.GRU or nn.RNN that could look ahead: convert it as a stream, "
            "or, where it needs the whole sequence for other reasons, for segments (--mode segment --max-frames N)"
        )
    copies: dict[int, Any] = {}
    for layer in found:
        copies[id(layer)] = copy.deepcopy(LookaheadRNN(layer, chunk, lookahead).train(layer.training), copies)
    copied: nn.Module = copy.deepcopy(module, copies)
    return copied


def looks_back(module: Any) -> TypeGuard[nn.LSTM | nn.GRU | nn.RNN]:
    """Whether ``module`` is a layer that runs over the sequence in both directions."""
    return isinstance(module, RECURRENT) and module.bidirectional


@contextmanager
def as_operator() -> Iterator[None]:
    """Within the context, a LookaheadRNN is one operator, whose operands are not computed with."""
    _operator()
    _tracing.append(True)
    try:
        yield
    finally:
        _tracing.pop()


def _rows(hx: Any) -> list[torch.Tensor]:
    return [] if hx is None else [hx] if isinstance(hx, torch.Tensor) else list(hx)


def _check(rnn: Any, chunk: int, lookahead: int) -> None:
    if not looks_back(rnn):
        found = f"{type(rnn).__name__}{' of one direction' * isinstance(rnn, RECURRENT)}"
        raise UsageError(f"LookaheadRNN takes an nn.LSTM, nn.GRU or nn.RNN with bidirectional=True, not {found}")
    if not any(type(rnn).forward is kind.forward for kind in RECURRENT):
        raise UsageError(f"LookaheadRNN takes a layer of PyTorch's: {type(rnn).__name__} has a forward of its own")
    if "weight_ih_l0" not in dict(rnn.named_parameters(recurse=False)):
        raise UsageError("the weights of the layer are computed (weight_norm, parametrize): remove that first")
    if not isinstance(chunk, int) or not isinstance(lookahead, int) or chunk < 1 or lookahead < 0:
        raise UsageError(f"a chunk has at least 1 frame, a look-ahead at least 0; found {chunk!r} and {lookahead!r}")


@cache
def _operator() -> Callable[..., list[torch.Tensor]]:
    """The operator, defined when it is first used."""
    library: Any = torch.library.Library("edgernn", "FRAGMENT")  # type: ignore[no-untyped-call]
    _libraries.append(library)
    library.define(_SCHEMA)
    library.impl("lookahead", _computed, "CompositeExplicitAutograd")
    torch.library.register_fake("edgernn::lookahead", _shapes, lib=library)
    made: Callable[..., list[torch.Tensor]] = torch.ops.edgernn.lookahead
    return made


_libraries: list[Any] = []
"""Definitions last as long as their library."""


def _computed(
    kind: str, input: Any, hx: Any, weights: Any, has_biases: bool, layers: int, chunk: int, lookahead: int
) -> list[torch.Tensor]:
    return run(Layers(kind, has_biases, layers, chunk, lookahead, list(weights)), input, list(hx), None)


def _shapes(
    kind: str, input: Any, hx: Any, weights: Any, has_biases: bool, layers: int, chunk: int, lookahead: int
) -> list[torch.Tensor]:
    return [input.new_empty(*input.shape[:2], 2 * hx[0].shape[-1]), *(h.new_empty(h.shape) for h in hx)]
