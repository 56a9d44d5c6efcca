"""A choice between two values by a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams


@dataclass(frozen=True)
class Select(Op):
    """Where the signal is not zero a, otherwise b.

    Operands: signal (1,) of int32, a (*shape), b (*shape) of the same dtype. Result: (*shape).
    """

    kind: ClassVar[str] = "select"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"select has 3 operands, not {len(inputs)}")
        signal, a, b = inputs
        expect(signal.shape == (1,) and signal.dtype == "int32", f"a signal is int32 (1,), not {signal}")
        expect(a.shape == b.shape and a.dtype == b.dtype, f"a choice between {a} and {b}")
        return (a.with_stream(join_streams(list(inputs))),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        signal, a, b = inputs
        rank = max(a.ndim, b.ndim)
        chosen = signal.reshape(len(signal), *([1] * (rank - 1)))
        return (np.where(chosen != 0, a, b),)
