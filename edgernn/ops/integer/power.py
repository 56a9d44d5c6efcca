"""The logarithm of power in bands, whose squares and sums have more bits than values between ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType, join_streams
from edgernn.ops.banded_linear import dense
from edgernn.ops.integer.arithmetic import look_up, sat16
from edgernn.ops.integer.tables import LOG_1_PLUS

LN2_Q15 = 22713
LOG_SHIFT = 24
LARGEST = 1 << 62
"""What ``offset`` and ``floor`` stay below; sums of BINS_MAX squares do, too."""
BINS_MAX = 1 << 14


@dataclass(frozen=True)
class LogPowerInt16(Op):
    """log of max(offset + the sum over a band of w (a^2 + b^2), floor), exact up to the logarithm.

    Operands: a and b (..., K) int16 of one scale, constants w (N) int16 >= 0, starts and lengths (O) int32 as of
    ``BandedLinear``. With the sum P = 2^k (1 + f), f the 16 bits below the leading one, l = k * 22713 + the table of
    log(1 + f) at f - 2^15, in Q.15: y = sat16((l * gain + bias + 2^23) >> 24). Result: (..., O).

    offset, floor  of power, in units of it; floor >= 1
    gain           below 2^31
    bias           what y is at power 1, in units of 2^-24; below 2^47
    """

    offset: int
    floor: int
    gain: int
    bias: int

    kind: ClassVar[str] = "log_power_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 5, f"log_power_int16 has 5 operands, not {len(inputs)}")
        a, b, weights, starts, lengths = inputs
        expect_constants(weights, starts, lengths)
        expect(a.dtype == b.dtype == weights.dtype == "int16", f"log_power_int16 of {a}, {b} with {weights}")
        expect(
            len(a.shape) >= 1 and a.shape == b.shape and a.shape[-1] <= BINS_MAX,
            f"log_power_int16 of {a.shape} and {b.shape}; equal shapes of at most {BINS_MAX} bins expected",
        )
        expect(
            starts.dtype == lengths.dtype == "int32" and len(starts.shape) == 1 and starts.shape == lengths.shape,
            f"starts and lengths must be int32 (O), not {starts}, {lengths}",
        )
        expect(0 <= self.offset < LARGEST and 1 <= self.floor < LARGEST, f"{self} is out of range")
        expect(0 <= self.gain < 1 << 31 and abs(self.bias) < 1 << 47, f"{self} is out of range")
        return (ValueType("int16", (*a.shape[:-1], starts.shape[0]), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.int64) for x in inputs[:2])
        weights, starts, lengths = inputs[2:]
        matrix = dense(weights.astype(np.int64), starts, lengths, a.shape[-1])
        power = np.maximum((a * a + b * b) @ matrix.T + self.offset, self.floor)
        k = np.vectorize(lambda n: int(n).bit_length() - 1, otypes=[np.int64])(power)
        mantissa = np.where(k > 16, power >> np.maximum(k - 16, 0), power << np.maximum(16 - k, 0))
        log = look_up(LOG_1_PLUS, mantissa - (1 << 16) - (1 << 15)) + k * LN2_Q15
        return (sat16((log * self.gain + self.bias + (1 << (LOG_SHIFT - 1))) >> LOG_SHIFT).astype(np.int16),)
