"""Integer recurrent layers in real numbers: what a runtime comes near to that rounds their states and results alone."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ops.evaluate import blocks, by_reference
from edgernn.ops.integer import GruInt16, LstmInt16, RnnInt16
from tests.ops.cases.base import Case

Q12 = 2.0**-12


def real_run(case: Case) -> tuple[list[tuple[np.ndarray, ...]], list[np.ndarray]]:
    """Outputs of each step and final states of ``case``: recurrent layers in float64, all other ops as defined."""
    graph, outputs = case.graph, []
    frames = {p.name: np.stack(column) for p, column in zip(graph.inputs, zip(*case.frames, strict=True), strict=True)}
    for values, size in blocks(graph, frames, compute=_compute):
        ports = [np.broadcast_to(values[p.value], (size, *p.shape)) for p in graph.outputs]
        outputs += list(zip(*ports, strict=True))
    return outputs, [values[s.after][-1] for s in graph.states]


def _compute(node: Node, operands: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    layer = LAYERS.get(type(node.op))
    if layer is None:
        return by_reference(node, operands)
    return [np.stack(column) for column in zip(*layer(node.op, *operands), strict=True)]


def _units(multiplier: np.ndarray, pre_shift: int) -> np.ndarray:
    return multiplier * 2.0**pre_shift / 2.0**32


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def _integers(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.clip(np.round(x), limits.min, limits.max).astype(dtype)


def _lstm(op: LstmInt16, x, h, c, w_x, w_h, multiplier, bias, *projection) -> Iterator[tuple[np.ndarray, ...]]:
    unit, cell, hidden = _units(multiplier, op.pre_shift), 2.0**op.cell_fraction, 2.0**op.hidden_fraction
    for frame in x.astype(float):
        sums = (w_x @ frame + w_h @ h.astype(float)) * unit + bias
        i, f, g, o = np.split(sums * Q12, 4)
        real_c = _sigmoid(f) * c / cell + _sigmoid(i) * np.tanh(g)
        result = _sigmoid(o) * np.tanh(real_c) * hidden
        if projection:
            w_p, m_p, b_p = projection
            result = w_p @ result * _units(m_p, op.projection_shift) + b_p
        h, c = _integers(result, h.dtype), _integers(real_c * cell, c.dtype)
        yield h, c


def _gru(op: GruInt16, x, h, w_x, w_h, m_x, b_x, m_h, b_h) -> Iterator[tuple[np.ndarray, ...]]:
    size, unit_x, unit_n = 2 * op.hidden_size, _units(m_x, op.pre_shift), _units(m_h, op.pre_shift)
    for frame in x.astype(float):
        drive, recurrent = w_x @ frame, w_h @ (h / 2.0**op.shift)
        r, z = np.split(_sigmoid(((drive + recurrent)[:size] * unit_x[:size] + b_x[:size]) * Q12), 2)
        n_x, n_h = drive[size:] * unit_x[size:] + b_x[size:], recurrent[size:] * unit_n + b_h
        n = np.tanh((n_x + r * n_h) * Q12)
        h = _integers(z * h + (1 - z) * n * 2.0**15, h.dtype)
        yield (h,)


def _rnn(op: RnnInt16, x, h, w_x, w_h, multiplier, bias) -> Iterator[tuple[np.ndarray, ...]]:
    for frame in x.astype(float):
        total = (w_x @ frame + w_h @ h.astype(float)) * _units(multiplier, op.pre_shift) + bias
        relu = op.nonlinearity == "relu"
        h = _integers(np.maximum(total, 0) if relu else np.tanh(total * Q12) * 2.0**op.hidden_fraction, h.dtype)
        yield (h,)


LAYERS: dict[type, Callable[..., Iterator[tuple[np.ndarray, ...]]]] = {LstmInt16: _lstm, GruInt16: _gru, RnnInt16: _rnn}
"""Op -> its steps, as (op, operands) -> results of each step."""
