"""Elman RNN layer, one direction, batch 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Rnn(Op):
    """``torch.nn.RNN``, one layer and direction; ``nonlinearity`` is "tanh" or "relu".

    Operands: x (I), h (H), w_ih (H, I), w_hh (H, H), b (H) = b_ih + b_hh. Result: h (H).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html
    """

    hidden_size: int
    nonlinearity: str = "tanh"

    kind: ClassVar[str] = "rnn"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0),)

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 5, f"rnn has 5 operands, not {len(inputs)}")
        expect(self.nonlinearity in ("tanh", "relu"), f"nonlinearity must be tanh or relu, not {self.nonlinearity!r}")
        x, h, w_ih, w_hh, b = inputs
        expect_constants(w_ih, w_hh, b)
        hidden = self.hidden_size
        expect(len(x.shape) == 1, f"rnn reads frames of one axis, not {x.shape}")
        expect(h.shape == (hidden,), f"rnn state must be ({hidden},), not {h.shape}")
        expect(w_ih.shape == (hidden, x.shape[0]), f"w_ih must be {(hidden, x.shape[0])}, not {w_ih.shape}")
        expect(w_hh.shape == (hidden, hidden), f"w_hh must be {(hidden, hidden)}, not {w_hh.shape}")
        expect(b.shape == (hidden,), f"bias must be {(hidden,)}, not {b.shape}")
        return (ValueType(h.dtype, (hidden,), x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, h, w_ih, w_hh, b = inputs
        drive = x @ w_ih.T + b
        h_block = np.empty((len(x), len(h)), x.dtype)
        for t, gate in enumerate(drive):
            total = gate + w_hh @ h
            h = np.tanh(total) if self.nonlinearity == "tanh" else np.maximum(total, 0)
            h_block[t] = h
        return (h_block,)
