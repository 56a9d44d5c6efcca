"""GRU layer, one direction, batch 1. Gate order r z n, reset applied after the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType
from edgernn.ops.math import gate


@dataclass(frozen=True)
class Gru(Op):
    """``torch.nn.GRU``, one layer and direction.

    Operands: x (I), h (H), w_ih (3H, I), w_hh (3H, H), b_ih (3H), b_hh (3H). Result: h (H).

    r, z = sigmoid(gate); n = tanh(n_x + r * n_h), where n_h includes its bias; h' = n + z * (h - n).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """

    hidden_size: int

    kind: ClassVar[str] = "gru"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0),)

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 6, f"gru has 6 operands, not {len(inputs)}")
        x, h, w_ih, w_hh, b_ih, b_hh = inputs
        expect_constants(w_ih, w_hh, b_ih, b_hh)
        hidden = self.hidden_size
        expect(len(x.shape) == 1, f"gru reads frames of one axis, not {x.shape}")
        expect(h.shape == (hidden,), f"gru state must be ({hidden},), not {h.shape}")
        expect(w_ih.shape == (3 * hidden, x.shape[0]), f"w_ih must be {(3 * hidden, x.shape[0])}, not {w_ih.shape}")
        expect(w_hh.shape == (3 * hidden, hidden), f"w_hh must be {(3 * hidden, hidden)}, not {w_hh.shape}")
        expect(b_ih.shape == b_hh.shape == (3 * hidden,), f"biases must be {(3 * hidden,)}")
        return (ValueType(h.dtype, (hidden,), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, w_ih, w_hh, b_ih, b_hh = inputs
        drive = x @ w_ih.T + b_ih
        h_block = np.empty((len(x), len(h)), x.dtype)
        for t, from_x in enumerate(drive.reshape(len(x), 3, -1)):
            from_h = (w_hh @ h + b_hh).reshape(3, -1)
            r, z = gate(from_x[:2] + from_h[:2])
            n = np.tanh(from_x[2] + r * from_h[2])
            h = n + z * (h - n)
            h_block[t] = h
        return (h_block,)
