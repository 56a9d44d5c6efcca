"""LSTM layer, one direction, batch 1. Gate order i f g o."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType
from edgernn.ops.math import gate


@dataclass(frozen=True)
class Lstm(Op):
    """``torch.nn.LSTM``, one layer and direction.

    Operands: x (I), h (P), c (H), w_ih (4H, I), w_hh (4H, P), b (4H) = b_ih + b_hh, and w_hr (P, H)
    when ``proj_size`` P > 0; otherwise P = H. Results: h (P), which is also the layer's output, and c (H).

    i, f, o = sigmoid(gate), g = tanh(gate); c' = f*c + i*g; h' = w_hr @ (o * tanh(c')).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """

    hidden_size: int
    proj_size: int = 0

    kind: ClassVar[str] = "lstm"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0), (2, 1))

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(
            len(inputs) == (7 if self.proj_size else 6), f"lstm has 6 operands, 7 with projection, not {len(inputs)}"
        )
        x, h, c, w_ih, w_hh, b = inputs[:6]
        expect_constants(*inputs[3:])
        hidden, out = self.hidden_size, self.proj_size or self.hidden_size
        expect(len(x.shape) == 1, f"lstm reads frames of one axis, not {x.shape}")
        expect(h.shape == (out,) and c.shape == (hidden,), f"lstm states must be ({out},), ({hidden},)")
        expect(w_ih.shape == (4 * hidden, x.shape[0]), f"w_ih must be {(4 * hidden, x.shape[0])}, not {w_ih.shape}")
        expect(w_hh.shape == (4 * hidden, out), f"w_hh must be {(4 * hidden, out)}, not {w_hh.shape}")
        expect(b.shape == (4 * hidden,), f"bias must be {(4 * hidden,)}, not {b.shape}")
        if self.proj_size:
            expect(inputs[6].shape == (out, hidden), f"w_hr must be {(out, hidden)}, not {inputs[6].shape}")
        return ValueType(h.dtype, (out,), x.stream), ValueType(c.dtype, (hidden,), x.stream)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, c, w_ih, w_hh, b = inputs[:6]
        drive = x @ w_ih.T + b
        h_block = np.empty((len(x), len(h)), x.dtype)
        c_block = np.empty((len(x), len(c)), x.dtype)
        for t, gates in enumerate(drive):
            i, f, g, o = (gates + w_hh @ h).reshape(4, -1)
            c = gate(f) * c + gate(i) * np.tanh(g)
            h = gate(o) * np.tanh(c)
            if self.proj_size:
                h = inputs[6] @ h
            h_block[t], c_block[t] = h, c
        return h_block, c_block
