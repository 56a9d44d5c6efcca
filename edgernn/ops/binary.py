"""Elementwise arithmetic of two operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams

BINARY_FUNCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pow": np.power,
}


@dataclass(frozen=True)
class Binary(Op):
    """``function`` (a key of BINARY_FUNCTIONS) of two operands, broadcast as NumPy does.

    Two operands that both change over time have the same number of axes; a constant has no more
    axes than the other operand.
    """

    function: str

    kind: ClassVar[str] = "binary"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"binary has 2 operands, not {len(inputs)}")
        expect(self.function in BINARY_FUNCTIONS, f"unknown function {self.function!r}")
        a, b = inputs
        if a.stream is not None and b.stream is not None:
            expect(len(a.shape) == len(b.shape), f"{self.function}: operands have {a.shape} and {b.shape}")
        for constant, other in ((a, b), (b, a)):
            if constant.stream is None and other.stream is not None:
                expect(
                    len(constant.shape) <= len(other.shape),
                    f"constant {constant.shape} has more axes than {other.shape}",
                )
        return (ValueType(a.dtype, np.broadcast_shapes(a.shape, b.shape), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = inputs
        return (BINARY_FUNCTIONS[self.function](a, b).astype(a.dtype, copy=False),)
