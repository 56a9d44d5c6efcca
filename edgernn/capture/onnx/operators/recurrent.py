"""LSTM, GRU and RNN. Gate orders of ONNX (LSTM i o f c, GRU z r h) become PyTorch's (LSTM i f g o, GRU r z n) here.

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html, onnx__RNN.html
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgernn.capture.onnx.operators.activations import Activation, activations
from edgernn.capture.onnx.operators.cells import CELLS, Cell
from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import Fixed, OnnxNode, Value, tensor, together
from edgernn.capture.recurrence import recurrence

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}
ORDERS = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""PyTorch's gates by their positions among ONNX's."""

PLAIN = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh")}
"""Activations of the layers that PyTorch has."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights of one direction, gates in ONNX's order: w (G H, I), r (G H, H), two biases (G H)."""

    w: torch.Tensor
    r: torch.Tensor
    b_w: torch.Tensor
    b_r: torch.Tensor


def recurrent(node: OnnxNode, x: Value, w: Value, r: Value, *rest: Value | None) -> list[Value]:
    """Y (T, D, B, H), and the last states (D, B, H); (B, T, D, H) and (B, D, H) with ``layout`` 1."""
    bias, lengths, *starts = (*rest, *[None] * 5)[: 2 + STATES[node.op]]
    if node.op == "LSTM" and len(rest) > 4 and rest[4] is not None:
        node.refuse("peephole connections (its input P)", "train the model without them: no other layer has them")
    batch_first = bool(node.attr("layout", 0))
    frames = tensor(x).transpose(0, 1) if batch_first else tensor(x)
    _check(node, frames, lengths)
    frames, layers = _layers(node, frames, w, r, bias)
    states = [_start(node, s, frames, batch_first, len(layers)) for s in starts]
    kinds = [activations(node, k, len(layers)) for k in range(len(layers))]
    if all(_is_plain(node, kind) for kind in kinds):
        y, ends = _by_torch(node, frames, layers, kinds[0], states)
    else:
        y, ends = _by_cell(node, frames, layers, kinds, states)
    if batch_first:
        y, ends = y.permute(2, 0, 1, 3), [end.transpose(0, 1) for end in ends]
    return [y, *ends]


def _check(node: OnnxNode, frames: torch.Tensor, lengths: Value | None) -> None:
    if frames.shape[1] != 1:
        node.refuse(f"batch size {frames.shape[1]}", "a stream is one sequence: use batch size 1")
    if lengths is None:
        return
    if not isinstance(lengths, Fixed):
        node.refuse(
            "its sequence_lens are computed from the data", "give them as an input of the model, or leave them out"
        )
    if lengths.array.reshape(-1).tolist() != [frames.shape[0]]:
        found = lengths.array.reshape(-1).tolist()
        node.refuse(f"sequence_lens {found} for a sequence of {frames.shape[0]} frames", "run it over whole sequences")


def _layers(
    node: OnnxNode, frames: torch.Tensor, w: Value, r: Value, bias: Value | None
) -> tuple[torch.Tensor, list[Layer]]:
    frames, w_all, r_all = together(frames, w, r)
    count, size = w_all.shape[:2]
    both = tensor(bias, frames) if bias is not None else torch.zeros(count, 2 * size, dtype=w_all.dtype)
    return frames, [Layer(w_all[k], r_all[k], both[k][:size], both[k][size:]) for k in range(count)]


def _start(node: OnnxNode, start: Value | None, x: torch.Tensor, batch_first: bool, directions: int) -> torch.Tensor:
    """The first state as (D, 1, H)."""
    if start is None:
        return torch.zeros(directions, 1, int(node.attr("hidden_size")), dtype=x.dtype)
    state = tensor(start, x)
    return state.transpose(0, 1) if batch_first and state.shape[:2] != (1, 1) else state


def _is_plain(node: OnnxNode, kinds: list[Activation]) -> bool:
    """Whether PyTorch has this layer."""
    if node.attr("clip") or node.attr("input_forget", 0):
        return False
    names = tuple(kind.name for kind in kinds)
    if node.op == "RNN":
        return names in (("tanh",), ("relu",))
    return names == PLAIN[node.op] and (node.op != "GRU" or bool(node.attr("linear_before_reset", 0)))


def _by_torch(
    node: OnnxNode, x: torch.Tensor, layers: list[Layer], kinds: list[Activation], states: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    direction = node.attr("direction", "forward")
    x = x.flip(0) if direction == "reverse" else x
    weights = [_reordered(t, ORDERS[node.op]) for layer in layers for t in (layer.w, layer.r, layer.b_w, layer.b_r)]
    options = (weights, True, 1, 0.0, False, len(layers) == 2, False)
    if node.op == "LSTM":
        y, *ends = torch.lstm(x, states, *options)
    elif node.op == "GRU":
        y, *ends = torch.gru(x, states[0], *options)
    else:
        function = torch.rnn_relu if kinds[0].name == "relu" else torch.rnn_tanh
        y, *ends = function(x, states[0], *options)
    y = y.flip(0) if direction == "reverse" else y
    return y.reshape(x.shape[0], 1, len(layers), -1).transpose(1, 2), ends


def _reordered(gates: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    parts = gates.chunk(len(order))
    return gates if len(order) == 1 else torch.cat([parts[k] for k in order])


def _by_cell(
    node: OnnxNode, x: torch.Tensor, layers: list[Layer], kinds: list[list[Activation]], states: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Layers that PyTorch does not have, frame by frame."""
    reverse = [node.attr("direction", "forward") == "reverse", True]
    rows, ends = [], []
    for k, layer in enumerate(layers):
        cell: Cell = CELLS[node.op](node, kinds[k])
        first = [s[k] if len(layers) > 1 else s for s in states]
        frames = x.flip(0) if reverse[k] else x
        shaped = [s.reshape(1, -1) if len(layers) > 1 else s for s in first]
        (y,), last = recurrence(f"{node.name}_{k}", cell, [frames], shaped, [layer.w, layer.r, layer.b_w, layer.b_r])
        rows.append(y.flip(0) if reverse[k] else y)
        ends.append(last)
    y = torch.stack([row.reshape(x.shape[0], 1, -1) for row in rows], 1)
    return y, [torch.stack([e.reshape(1, -1) for e in column]) for column in zip(*ends, strict=True)]


OPERATORS: dict[str, Operator] = {"LSTM": recurrent, "GRU": recurrent, "RNN": recurrent}
