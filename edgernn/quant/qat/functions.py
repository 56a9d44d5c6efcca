"""The float ops in PyTorch, over blocks [T, B, *frame] of many sequences, so that gradients flow.

An op is called as ``compute(op, operands)``: blocks, constants without leading axes, and carried states [B, *]. Of
statistics and LSTM layers it gives the first result alone; ``one_step`` gives all, for blocks of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import UnsupportedOpError
from edgernn.ir.op import Op
from edgernn.ops import (
    Binary,
    Concat,
    Embedding,
    Expand,
    Gru,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    Matmul,
    Reduce,
    Reshape,
    Rnn,
    Running,
    Slice,
    Softmax,
    Transpose,
    Unary,
)  # fmt: skip

LEAD = 2
"""Axes before those of a frame."""

BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
    "minimum": torch.minimum, "pow": torch.pow,
}  # fmt: skip
UNARY: dict[str, Callable[..., Tensor]] = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "log": torch.log,
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "square": torch.square,
    "abs": torch.abs, "neg": torch.neg, "sin": torch.sin, "cos": torch.cos, "erf": torch.erf, "clip": torch.clamp,
    "leaky_relu": F.leaky_relu, "elu": F.elu, "celu": F.celu, "selu": F.selu, "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "mish": F.mish, "softplus": F.softplus,
    "softsign": F.softsign, "hard_sigmoid": F.hardsigmoid, "hard_swish": F.hardswish, "log_sigmoid": F.logsigmoid,
    "tanh_shrink": F.tanhshrink, "soft_shrink": F.softshrink, "hard_shrink": F.hardshrink,
}  # fmt: skip


@singledispatch
def compute(op: Op, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The results of ``op``. Raises UnsupportedOpError for an op that has no gradient here."""
    raise UnsupportedOpError("quantization-aware training", op.kind, op.kind, reason="it cannot be trained through")


@compute.register
def _(op: Linear, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    x, weight, bias = operands
    return (F.linear(x, weight, bias),)


@compute.register
def _(op: Embedding, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    indices, table = operands
    return (F.embedding(indices.long(), table),)


@compute.register
def _(op: Gru, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    x, h, *weights = operands
    return (torch.gru(x, h[None], list(weights), True, 1, 0.0, False, False, False)[0],)


@compute.register
def _(op: Rnn, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    x, h, w_x, w_h, bias = operands
    layer = torch.rnn_relu if op.nonlinearity == "relu" else torch.rnn_tanh
    weights = [w_x, w_h, bias, torch.zeros_like(bias)]
    return (layer(x, h[None], weights, True, 1, 0.0, False, False, False)[0],)


@compute.register
def _(op: Lstm, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    x, h, c, w_x, w_h, bias, *projection = operands
    if not projection:
        weights = [w_x, w_h, bias, torch.zeros_like(bias)]
        return torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, False, False, False)[:1]
    return every_step(op, operands)


def every_step(op: Lstm, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """h and c of all steps."""
    x, h, c, w_x, w_h, bias, *projection = operands
    h_block, c_block = [], []
    for drive in F.linear(x, w_x, bias):
        i, f, g, o = (drive + F.linear(h, w_h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        if projection:
            h = F.linear(h, projection[0])
        h_block.append(h)
        c_block.append(c)
    return torch.stack(h_block), torch.stack(c_block)


@compute.register
def _(op: Reshape, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (x,) = operands
    return (x.reshape(*x.shape[:LEAD], *op.shape),)


@compute.register
def _(op: Transpose, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (x,) = operands
    return (x.permute(*range(LEAD), *(x.ndim + axis for axis in op.axes)),)


@compute.register
def _(op: Expand, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (x,) = operands
    added = [1] * (len(op.shape) + LEAD - x.ndim)
    return (x.reshape(*x.shape[:LEAD], *added, *x.shape[LEAD:]).expand(*x.shape[:LEAD], *op.shape),)


@compute.register
def _(op: Slice, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (x,) = operands
    index = [slice(None)] * x.ndim
    index[op.axis] = slice(op.start, op.stop, op.step)
    return (x[tuple(index)],)


@compute.register
def _(op: Concat, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    lead = max(operands, key=lambda x: x.ndim).shape[:LEAD]
    rank = max(x.ndim for x in operands)
    blocks = [x if x.ndim == rank else x.expand(*lead, *x.shape) for x in operands]
    return (torch.cat(blocks, op.axis),)


@compute.register
def _(op: Binary, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    a, b = operands
    return (BINARY[op.function](a, b),)


@compute.register
def _(op: Unary, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (UNARY[op.function](operands[0], *op.parameters),)


@compute.register
def _(op: Matmul, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    a, b = operands
    return (a @ b,)


@compute.register
def _(op: Reduce, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    functions: dict[str, Callable[..., Tensor]] = {
        "sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin,
    }  # fmt: skip
    return (functions[op.function](operands[0], dim=op.axes, keepdim=op.keepdims),)


@compute.register
def _(op: LayerNorm, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    x, gamma, beta = operands
    return (F.layer_norm(x, x.shape[-1:], gamma, beta, op.eps),)


@compute.register
def _(op: Softmax, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (torch.softmax(operands[0], op.axis),)


@compute.register
def _(op: LogSoftmax, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (torch.log_softmax(operands[0], op.axis),)


@compute.register
def _(op: Running, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The value after each step, from the first frame on; the states that go with it are not followed."""
    x, *scores = operands[: op.operands]
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "sum": lambda v: torch.cumsum(v, 0),
        "max": lambda v: torch.cummax(v, 0).values,
        "min": lambda v: torch.cummin(v, 0).values,
    }
    if op.function in functions:
        return (functions[op.function](x),)
    weights = torch.exp(scores[0] - scores[0].amax(0, keepdim=True)) if scores else torch.ones_like(x)
    return (torch.cumsum(weights * x, 0) / torch.cumsum(weights, 0).clamp_min(1e-30),)


def one_step(op: Op, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """All results of one step, T = 1, so that states may pass through ordinary ops."""
    if isinstance(op, Lstm):
        return every_step(op, operands)
    if not isinstance(op, Running):
        return compute(op, operands)
    values, states = operands[: op.operands], operands[op.operands :]
    return tuple(state[None] for state in _STATISTICS[op.function](*(v[0] for v in values), *states))


def _mean(x: Tensor, mean: Tensor, lost: Tensor, count: Tensor) -> tuple[Tensor, ...]:
    return mean + (x - mean) / (count + 1), lost, count + 1


def _weighted(x: Tensor, score: Tensor, mean: Tensor, total: Tensor, top: Tensor) -> tuple[Tensor, ...]:
    highest = torch.maximum(top, score)
    weight = torch.exp(score - highest)
    total = total * torch.exp(top - highest) + weight
    return mean + (x - mean) * (weight / total), total, highest


_STATISTICS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "sum": lambda x, total, lost: (total + x, lost),
    "max": lambda x, best: (torch.maximum(best, x),),
    "min": lambda x, best: (torch.minimum(best, x),),
    "mean": _mean,
    "softmax": _weighted,
}
