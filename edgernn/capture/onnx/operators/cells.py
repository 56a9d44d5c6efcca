"""One frame of LSTM, GRU and RNN with any activations, clipped, coupled, or reset before the product.

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html, onnx__RNN.html (equations)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from edgernn.capture.onnx.operators.activations import Activation
from edgernn.capture.onnx.values import OnnxNode

Tensors = Sequence[torch.Tensor]
Cell = Callable[[Tensors, Tensors, Tensors], tuple[list[torch.Tensor], list[torch.Tensor]]]
"""(frames, states, weights w r b_w b_r) -> (outputs, next states)."""


def lstm(node: OnnxNode, kinds: list[Activation]) -> Cell:
    """Gates i o f c; ``input_forget`` couples f = 1 - i."""
    f, g, h = kinds
    limited, coupled = _clip(node), bool(node.attr("input_forget", 0))

    def cell(frames: Tensors, states: Tensors, weights: Tensors) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        before, c = states
        w, r, b_w, b_r = weights
        gates = F.linear(frames[0], w, b_w + b_r) + F.linear(before.reshape(1, -1), r)
        i, o, forget, candidate = (limited(part) for part in gates.chunk(4, -1))
        kept = f(i)
        c = c.reshape(1, -1) * ((1.0 - kept) if coupled else f(forget)) + kept * g(candidate)
        y = f(o) * h(c)
        return [y], [y.reshape(states[0].shape), c.reshape(states[1].shape)]

    return cell


def gru(node: OnnxNode, kinds: list[Activation]) -> Cell:
    """Gates z r h; the reset gate acts on h before the product, or after it (``linear_before_reset``)."""
    f, g = kinds
    limited, after = _clip(node), bool(node.attr("linear_before_reset", 0))

    def cell(frames: Tensors, states: Tensors, weights: Tensors) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        h = states[0].reshape(1, -1)
        w, r, b_w, b_r = weights
        size = h.shape[-1]
        from_x = F.linear(frames[0], w, b_w)
        gates = from_x[:, : 2 * size] + F.linear(h, r[: 2 * size], b_r[: 2 * size])
        z, reset = (f(limited(part)) for part in gates.chunk(2, -1))
        if after:
            from_h = reset * F.linear(h, r[2 * size :], b_r[2 * size :])
        else:
            from_h = F.linear(reset * h, r[2 * size :], b_r[2 * size :])
        n = g(limited(from_x[:, 2 * size :] + from_h))
        y = n + z * (h - n)
        return [y], [y.reshape(states[0].shape)]

    return cell


def rnn(node: OnnxNode, kinds: list[Activation]) -> Cell:
    """h' = f(W x + R h + b)."""
    limited = _clip(node)

    def cell(frames: Tensors, states: Tensors, weights: Tensors) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        w, r, b_w, b_r = weights
        y = kinds[0](limited(F.linear(frames[0], w, b_w + b_r) + F.linear(states[0].reshape(1, -1), r)))
        return [y], [y.reshape(states[0].shape)]

    return cell


def _clip(node: OnnxNode) -> Callable[[torch.Tensor], torch.Tensor]:
    """What enters an activation, held within +-clip."""
    limit = node.attr("clip")
    return (lambda x: torch.clamp(x, -limit, limit)) if limit else (lambda x: x)


CELLS: dict[str, Callable[[OnnxNode, list[Activation]], Cell]] = {"LSTM": lstm, "GRU": gru, "RNN": rnn}
