"""Elementwise arithmetic of int16 values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams
from edgernn.ops.integer.arithmetic import INTEGER_DTYPES, look_up, round_shift, sat16, saturated

MULTIPLIER_MAX = (1 << 14) - 1


def _expect_operands(kind: str, inputs: tuple[ValueType, ...]) -> None:
    expect(len(inputs) == 2, f"{kind} has 2 operands, not {len(inputs)}")
    a, b = inputs
    expect(a.dtype == b.dtype == "int16", f"{kind} of {a.dtype} and {b.dtype}; int16 expected")
    if a.stream is not None and b.stream is not None:
        expect(len(a.shape) == len(b.shape), f"{kind}: operands have {a.shape} and {b.shape}")
    for constant, other in ((a, b), (b, a)):
        if constant.stream is None and other.stream is not None:
            expect(
                len(constant.shape) <= len(other.shape), f"constant {constant.shape} has more axes than {other.shape}"
            )


@dataclass(frozen=True)
class AddInt16(Op):
    """sat16(round((a * multiplier_a + b * multiplier_b) / 2^shift)); |multipliers| < 2^14, shift in 1..30.

    ``function`` "maximum" or "minimum" takes that of the two products instead of their sum.
    """

    function: str
    multiplier_a: int
    multiplier_b: int
    shift: int

    kind: ClassVar[str] = "add_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        _expect_operands(self.kind, inputs)
        expect(self.function in ("add", "maximum", "minimum"), f"unknown function {self.function!r}")
        expect(
            max(abs(self.multiplier_a), abs(self.multiplier_b)) <= MULTIPLIER_MAX,
            f"multipliers of {self} are too large",
        )
        expect(1 <= self.shift <= 30, f"shift {self.shift} must be in 1..30")
        a, b = inputs
        return (ValueType("int16", np.broadcast_shapes(a.shape, b.shape), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.int64) * m for x, m in zip(inputs, (self.multiplier_a, self.multiplier_b), strict=True))
        total = {"add": np.add, "maximum": np.maximum, "minimum": np.minimum}[self.function](a, b)
        return (sat16(round_shift(total, self.shift)).astype(np.int16),)


@dataclass(frozen=True)
class MulInt16(Op):
    """sat16((a * b * multiplier + 2^31) >> 32); 0 <= multiplier < 2^31."""

    multiplier: int

    kind: ClassVar[str] = "mul_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        _expect_operands(self.kind, inputs)
        expect(0 <= self.multiplier < 1 << 31, f"multiplier {self.multiplier} must be in 0..2^31-1")
        a, b = inputs
        return (ValueType("int16", np.broadcast_shapes(a.shape, b.shape), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.int64) for x in inputs)
        return (sat16((a * b * self.multiplier + (1 << 31)) >> 32).astype(np.int16),)


@dataclass(frozen=True)
class DivInt16(Op):
    """sat16(a * multiplier / (b * 2^shift)), rounded to nearest, halves up; 0 <= multiplier < 2^31, shift in 0..30.

    A divisor of 0 counts as 1, the smallest that there is.
    """

    multiplier: int
    shift: int

    kind: ClassVar[str] = "div_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        _expect_operands(self.kind, inputs)
        expect(0 <= self.multiplier < 1 << 31 and 0 <= self.shift <= 30, f"{self} is out of range")
        a, b = inputs
        return (ValueType("int16", np.broadcast_shapes(a.shape, b.shape), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.int64) for x in inputs)
        divisor = np.where(b == 0, 1, np.abs(b)) << self.shift
        return (sat16((2 * np.where(b < 0, -a, a) * self.multiplier + divisor) // (2 * divisor)).astype(np.int16),)


@dataclass(frozen=True)
class RescaleInt16(Op):
    """sat((x * multiplier + 2^(shift - 1)) >> shift): another scale, or width; |multiplier| < 2^14, shift in 1..30.

    Operand: x (...) int16 or int8. Result: (...) ``dtype``, int16 or int8.
    """

    multiplier: int
    shift: int
    dtype: str = "int16"

    kind: ClassVar[str] = "rescale_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect({x.dtype, self.dtype} <= set(INTEGER_DTYPES), f"rescale_int16 of {x.dtype} to {self.dtype}")
        expect(abs(self.multiplier) <= MULTIPLIER_MAX and 1 <= self.shift <= 30, f"{self} is out of range")
        return (ValueType(self.dtype, x.shape, x.stream),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        scaled = round_shift(x.astype(np.int64) * self.multiplier, self.shift)
        return (saturated(scaled, self.dtype).astype(self.dtype),)


@dataclass(frozen=True)
class TableInt16(Op):
    """Any function of one int16 value, as 256 straight lines: ``arithmetic.look_up``, saturated.

    Operands: x (...) int16, constant table (256, 2) int16.
    """

    kind: ClassVar[str] = "table_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"table_int16 has 2 operands, not {len(inputs)}")
        x, table = inputs
        expect(x.dtype == "int16", f"table_int16 of {x.dtype}")
        expect(table.dtype == "int16" and table.shape == (256, 2), f"the table must be int16 (256, 2), not {table}")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, table = inputs
        return (sat16(look_up(table, x.astype(np.int64))).astype(np.int16),)


@dataclass(frozen=True)
class ClipInt16(Op):
    """min(max(x, low), high): ReLU and its relatives, without change of scale."""

    low: int
    high: int

    kind: ClassVar[str] = "clip_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        (x,) = inputs
        expect(x.dtype == "int16", f"clip_int16 of {x.dtype}")
        expect(-32768 <= self.low <= self.high <= 32767, f"bounds of {self} are not in order or out of range")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        return (np.clip(x, self.low, self.high).astype(np.int16),)
