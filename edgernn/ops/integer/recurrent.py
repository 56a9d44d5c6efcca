"""LSTM, GRU and RNN in integers: int8 weights with a scale for each row, int16 or int8 activations.

``reference`` computes several sequences at once where x is a block [T, B, I] and the states are [B, H].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.integer.arithmetic import (
    GATE_FRACTION,
    INTEGER_DTYPES,
    ONE_Q15,
    look_up,
    matvec,
    requantize,
    round_shift,
    sat16,
    saturated,
)
from edgernn.ops.integer.tables import SIGMOID, TANH

MAX_PRE_SHIFT = 16


def expect_rows(name: str, rows: int, *vectors: ValueType) -> None:
    """Raise ValueError unless the vectors are int32 with an entry for each row."""
    for v in vectors:
        expect(
            v.dtype == "int32" and v.shape == (rows,),
            f"{name}: multipliers and biases must be int32 ({rows},), not {v}",
        )


def expect_matrix(name: str, w: ValueType, rows: int, columns: int) -> None:
    """Raise ValueError unless ``w`` is an int8 matrix of this shape."""
    expect(
        w.dtype == "int8" and w.shape == (rows, columns),
        f"{name} must be int8 {(rows, columns)}, not {w.dtype} {w.shape}",
    )


def expect_vector(name: str, x: ValueType, size: int | None = None, dtype: str = "int16") -> None:
    """Raise ValueError unless ``x`` is a frame of ``dtype`` and of one axis (of ``size``)."""
    good = x.dtype == dtype and len(x.shape) == 1 and size in (None, *x.shape)
    expect(good, f"{name} must be {dtype} ({size or 'K'},), not {x.dtype} {x.shape}")


def expect_activation(x: ValueType) -> None:
    """Raise ValueError unless ``x`` is an int16 or int8 frame of one axis."""
    good = x.dtype in INTEGER_DTYPES and len(x.shape) == 1
    expect(good, f"x must be int16 or int8 (K,), not {x.dtype} {x.shape}")


def expect_pre_shift(shift: int, x: ValueType) -> None:
    """Raise ValueError unless sums over ``x`` may be shifted to the left: sums of int16 products leave no room."""
    expect(0 <= shift <= (MAX_PRE_SHIFT if x.dtype == "int8" else 0), f"pre_shift {shift} of products of {x.dtype}")


@dataclass(frozen=True)
class LstmInt16(Op):
    """LSTM step. Gate order i f g o.

    Operands: x (I), h (P) both int16 or both int8, c (H) int16; w_x (4H, I), w_h (4H, P) int8, a row of the two
    sharing its scale; multiplier (4H), bias (4H) int32; with projection w_p (P, H) int8, m_p (P), b_p (P) int32.
    Results: h, c. "sat" is to the dtype of h.

    gate = sat16(requantize((w_x x + w_h h) << pre_shift)) in Q3.12; i, f, o by the sigmoid table, g by the tanh
    table, in Q0.15. c' = sat16((f c + (i g >> (15 - cell_fraction)) + 2^14) >> 15), c having ``cell_fraction``
    fraction bits (1..15). t = tanh table of c' in Q3.12 (shifted, saturated);
    p = sat(round(o t / 2^(30 - hidden_fraction))). h' = p, or with projection
    h' = sat(requantize(w_p p << projection_shift)).
    """

    hidden_size: int
    proj_size: int
    cell_fraction: int
    hidden_fraction: int
    pre_shift: int = 0
    projection_shift: int = 0

    kind: ClassVar[str] = "lstm_int16"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0), (2, 1))

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(
            len(inputs) == (10 if self.proj_size else 7),
            f"lstm_int16 has 7 operands, 10 with projection, not {len(inputs)}",
        )
        expect(1 <= self.cell_fraction <= 15, f"cell_fraction {self.cell_fraction} must be in 1..15")
        expect(1 <= self.hidden_fraction <= 15, f"hidden_fraction {self.hidden_fraction} must be in 1..15")
        x, h, c, w_x, w_h, multiplier, bias = inputs[:7]
        hidden, out = self.hidden_size, self.proj_size or self.hidden_size
        expect_activation(x)
        expect_vector("h", h, out, x.dtype)
        for shift in (self.pre_shift, self.projection_shift):
            expect_pre_shift(shift, x)
        expect_vector("c", c, hidden)
        expect_matrix("w_x", w_x, 4 * hidden, x.shape[0])
        expect_matrix("w_h", w_h, 4 * hidden, out)
        expect_rows("lstm_int16", 4 * hidden, multiplier, bias)
        if self.proj_size:
            expect_matrix("w_p", inputs[7], out, hidden)
            expect_rows("lstm_int16 projection", out, *inputs[8:])
        return ValueType(x.dtype, (out,), x.stream), ValueType("int16", (hidden,), x.stream)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, c, w_x, w_h, multiplier, bias = inputs[:7]
        drive, dtype, place = matvec(w_x, x), str(x.dtype), "o*tanh(c)" if self.proj_size else "h"
        h_block, c_block = (np.empty((len(x), *s.shape), s.dtype) for s in (h, c))
        for t, acc in enumerate(drive):
            gates = sat16(requantize(acc + matvec(w_h, h), multiplier, bias, self.pre_shift), "i f g o")
            i, f, g, o = np.split(gates, 4, axis=-1)
            i, f, g, o = look_up(SIGMOID, i), look_up(SIGMOID, f), look_up(TANH, g), look_up(SIGMOID, o)
            c = sat16((f * c + ((i * g) >> (15 - self.cell_fraction)) + (1 << 14)) >> 15, "c")
            wave = look_up(TANH, to_gate_fraction(c, self.cell_fraction))
            h = saturated(round_shift(o * wave, 30 - self.hidden_fraction), dtype, place)
            if self.proj_size:
                projected = requantize(matvec(inputs[7], h), inputs[8], inputs[9], self.projection_shift)
                h = saturated(projected, dtype, "h")
            h_block[t], c_block[t] = h, c
        return h_block, c_block


def to_gate_fraction(v: Array, fraction: int) -> Array:
    """``v`` with ``fraction`` fraction bits as Q3.12, saturated; floor where bits are dropped."""
    if fraction >= GATE_FRACTION:
        return v >> (fraction - GATE_FRACTION)
    return sat16(v << (GATE_FRACTION - fraction), "tanh(c)")


@dataclass(frozen=True)
class GruInt16(Op):
    """GRU step, reset after the product. Gate order r z n.

    Operands: x (I) int16 or int8, h (H) int16 in Q0.15; w_x (3H, I), w_h (3H, H) int8, a row of r and z sharing its
    scale; m_x (3H), b_x (3H), m_h (H), b_h (H) int32. Result: h.

    With k = sat(round(h / 2^shift)), saturated to the dtype of x, and all sums shifted to the left by ``pre_shift``:
    r, z = sigmoid table of sat16(requantize(w_x x + w_h k, m_x, b_x)) in Q3.12.
    n_h = sat16(requantize(w_h k, m_h, b_h)) and n_x = sat16(requantize(w_x x, m_x, b_x)), of the n rows;
    n = tanh table of sat16(n_x + (r n_h >> 15)); h' = (z h + (2^15 - z) n + 2^14) >> 15.
    """

    hidden_size: int
    shift: int
    pre_shift: int = 0

    kind: ClassVar[str] = "gru_int16"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0),)

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 8, f"gru_int16 has 8 operands, not {len(inputs)}")
        expect(0 <= self.shift <= 8, f"shift {self.shift} must be in 0..8")
        x, h, w_x, w_h, m_x, b_x, m_h, b_h = inputs
        hidden = self.hidden_size
        expect_activation(x)
        expect_vector("h", h, hidden)
        expect_pre_shift(self.pre_shift, x)
        expect_matrix("w_x", w_x, 3 * hidden, x.shape[0])
        expect_matrix("w_h", w_h, 3 * hidden, hidden)
        expect_rows("gru_int16", 3 * hidden, m_x, b_x)
        expect_rows("gru_int16", hidden, m_h, b_h)
        return (ValueType("int16", (hidden,), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, w_x, w_h, m_x, b_x, m_h, b_h = inputs
        size, up = 2 * self.hidden_size, self.pre_shift
        drive = matvec(w_x, x)
        h_block = np.empty((len(x), *h.shape), np.int16)
        h = h.astype(np.int64)
        for t, acc in enumerate(drive):
            recurrent = matvec(w_h, saturated(round_shift(h, self.shift), str(x.dtype), "k"))
            gates = acc[..., :size] + recurrent[..., :size]
            gates = sat16(requantize(gates, m_x[:size], b_x[:size], up), "r z")
            r, z = np.split(look_up(SIGMOID, gates), 2, axis=-1)
            n_h = sat16(requantize(recurrent[..., size:], m_h, b_h, up), "n_h")
            n_x = sat16(requantize(acc[..., size:], m_x[size:], b_x[size:], up), "n_x")
            n = look_up(TANH, sat16(n_x + ((r * n_h) >> 15), "n"))
            h = (z * h + (ONE_Q15 - z) * n + (1 << 14)) >> 15
            h_block[t] = h
        return (h_block,)


@dataclass(frozen=True)
class RnnInt16(Op):
    """Elman RNN step, ``nonlinearity`` "tanh" or "relu".

    Operands: x (I), h (H) both int16 or both int8; w_x (H, I), w_h (H, H) int8, a row of the two sharing its scale;
    multiplier (H), bias (H) int32. Result: h. "sat" is to the dtype of h; sums are shifted left by ``pre_shift``.
    tanh: table of sat16(requantize(...)) in Q3.12, then Q0.15 rounded to ``hidden_fraction`` fraction bits, sat.
    relu: max(0, sat(requantize(...))) in the scale of h.
    """

    hidden_size: int
    nonlinearity: str
    hidden_fraction: int
    pre_shift: int = 0

    kind: ClassVar[str] = "rnn_int16"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0),)

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 6, f"rnn_int16 has 6 operands, not {len(inputs)}")
        expect(self.nonlinearity in ("tanh", "relu"), f"nonlinearity must be tanh or relu, not {self.nonlinearity!r}")
        expect(1 <= self.hidden_fraction <= 15, f"hidden_fraction {self.hidden_fraction} must be in 1..15")
        x, h, w_x, w_h, multiplier, bias = inputs
        hidden = self.hidden_size
        expect_activation(x)
        expect_vector("h", h, hidden, x.dtype)
        expect_pre_shift(self.pre_shift, x)
        expect_matrix("w_x", w_x, hidden, x.shape[0])
        expect_matrix("w_h", w_h, hidden, hidden)
        expect_rows("rnn_int16", hidden, multiplier, bias)
        return (ValueType(x.dtype, (hidden,), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, w_x, w_h, multiplier, bias = inputs
        drive, dtype = matvec(w_x, x), str(x.dtype)
        h_block = np.empty((len(x), *h.shape), h.dtype)
        for t, acc in enumerate(drive):
            total = requantize(acc + matvec(w_h, h), multiplier, bias, self.pre_shift)
            if self.nonlinearity == "relu":
                h = np.maximum(saturated(total, dtype, "h"), 0)
            else:
                line = look_up(TANH, sat16(total, "pre-activation"))
                h = saturated(round_shift(line, 15 - self.hidden_fraction), dtype, "h")
            h_block[t] = h
        return (h_block,)
