"""Recurrent layers whose backward direction runs through windows: the definition of chunks with look-ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Tensors = Sequence[torch.Tensor]


@dataclass(frozen=True)
class Layers:
    """``layers`` bidirectional layers of one kind: "lstm", "gru", "rnn_tanh" or "rnn_relu".

    weights  of each layer, forwards and then backwards, in PyTorch's order
    """

    kind: str
    has_biases: bool
    layers: int
    chunk: int
    ahead: int
    weights: Tensors
    dropout: float = 0.0
    training: bool = False

    def of_row(self, row: int) -> list[torch.Tensor]:
        """The weights of one direction of a layer: rows are as those of initial states."""
        group = len(self.weights) // (2 * self.layers)
        return list(self.weights[row * group : (row + 1) * group])


def run(layers: Layers, frames: torch.Tensor, starts: Tensors, lengths: torch.Tensor | None) -> list[torch.Tensor]:
    """[output [T, B, 2 H], h_n, and of an LSTM c_n] for ``frames`` [T, B, F].

    starts   initial states [2 layers, B, ...], one tensor for each kind of state
    lengths  [B], of the sequences, where they differ; outputs beyond are zero
    """
    ends: list[list[torch.Tensor]] = []
    for layer in range(layers.layers):
        if layer and layers.dropout:
            frames = torch.nn.functional.dropout(frames, layers.dropout, layers.training)
        sides = []
        for row, direction in ((2 * layer, _direct), (2 * layer + 1, _windowed)):
            output, states = direction(layers, row, frames, [s[row] for s in starts], lengths)
            sides.append(output)
            ends.append(states)
        frames = torch.cat(sides, -1)
    return [frames, *(torch.stack(rows) for rows in zip(*ends, strict=True))]


def _direct(
    layers: Layers, row: int, frames: torch.Tensor, start: Tensors, lengths: torch.Tensor | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """One direction over ``frames``, from the first to the last, and its last states [B, H]."""
    function = getattr(torch, layers.kind)
    hx = [s.unsqueeze(0).contiguous() for s in start]
    settings = (layers.of_row(row), layers.has_biases, 1, 0.0, layers.training, False)
    if lengths is None:
        output, *states = function(frames, _given(hx), *settings, False)
        return output, [s[0] for s in states]
    packed = pack_padded_sequence(frames, lengths.cpu(), enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    if order is not None:
        hx = [h.index_select(1, order) for h in hx]
    data, *states = function(packed.data, packed.batch_sizes, _given(hx), *settings)
    output, _ = pad_packed_sequence(packed._replace(data=data), total_length=len(frames))
    return output, [s[0] if back is None else s[0].index_select(0, back) for s in states]


def _given(hx: list[torch.Tensor]) -> Any:
    return hx if len(hx) > 1 else hx[0]


def _windowed(
    layers: Layers, row: int, frames: torch.Tensor, start: Tensors, lengths: torch.Tensor | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The backward direction, all windows of all sequences at once, and its states at the first frame.

    A window is taken in reverse, such that what it lacks at the end of a sequence stands after its first frame.
    """
    total, batch, _ = frames.shape
    size = min(layers.chunk + layers.ahead, total)
    first = torch.arange(0, total, layers.chunk, device=frames.device)
    ends = frames.new_full((1,), total, dtype=torch.int64) if lengths is None else lengths.to(frames.device)
    valid = (ends[None] - first[:, None]).clamp(0, size)
    of_batch = torch.arange(batch, device=frames.device)
    reverse = valid - 1 - torch.arange(size, device=frames.device)[:, None, None]
    taken = frames[first[:, None] + reverse.clamp(min=0), of_batch]
    made, states = _direct(
        layers, row, taken.flatten(1, 2), [s.repeat(len(first), 1) for s in start],
        None if lengths is None else valid.flatten().clamp(min=1),
    )  # fmt: skip
    made = made.reshape(size, len(first), batch, -1)
    width = min(layers.chunk, size)
    back = valid - 1 - torch.arange(width, device=frames.device)[:, None, None]
    chunks = torch.arange(len(first), device=frames.device)[:, None]
    output = made[back.clamp(min=0), chunks, of_batch] * (back >= 0)[..., None]
    output = output.transpose(0, 1).flatten(0, 1)[:total]
    return output, [s[:batch] for s in states]
