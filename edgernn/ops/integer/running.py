"""Integer statistics of all frames so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.integer.arithmetic import look_up, round_shift, sat16
from edgernn.ops.integer.tables import EXP_MINUS

MOST_FRAMES = 1 << 24
MOST_SUM = (1 << 47) - 1
MOST_WEIGHT = 1 << 30
LOWEST = -(1 << 30)
ONE_Q15 = 1 << 15

STARTS: dict[str, tuple[int, ...]] = {"sum": (0, 0), "mean": (0, 0, 0), "softmax": (0, 0, LOWEST)}
"""Function -> what each of its states is before the first frame."""


@dataclass(frozen=True)
class RunningInt16(Op):
    """``function`` of all frames so far; the states are int32.

    Operands: x (*shape) int16, for "softmax" also a score int16 (*shape, or with axes of length 1), then the states
    before. Results: y (*shape) int16, then the states after. 0 <= multiplier < 2^14.

    sum      states high, low hold S = high 2^16 + low, 0 <= low < 2^16. S' = S + x, held within +-(2^47 - 1);
             y = sat16((S' multiplier + 2^(shift - 1)) >> shift), 1 <= shift <= 60
    mean     S as above, and n: n' = n + 1. At n = 2^24 it stays, and floor(S / n) is taken from S first.
             y = sat16(floor((2 S' multiplier + (n' << shift)) / (n' << (shift + 1)))), 0 <= shift <= 30
    softmax  states m (in 2^-15 of a unit of x), E (Q0.15), t (in units of the score): t' = max(t, score),
             e(d) = exp(-d) in Q0.15 as in SoftmaxInt16, by ``score_multiplier`` and ``score_shift``, and 2^15 for 0;
             w = e(t' - score); E' = ((E e(t' - t) + 2^14) >> 15) + w;
             m' = m + ((((x << 15) - m) floor((w << 30) / E') + 2^29) >> 30);
             y = sat16((m' multiplier + 2^(shift - 1)) >> shift), 1 <= shift <= 60.
             Where E' exceeds 2^30 it is halved, and t' grows by ``log_two``, log 2 in units of the score
    """

    function: str
    multiplier: int
    shift: int
    score_multiplier: int = 0
    score_shift: int = 1
    log_two: int = 0

    kind: ClassVar[str] = "running_int16"

    @property
    def operands(self) -> int:
        """Operands that are no states."""
        return 2 if self.function == "softmax" else 1

    @property
    def carried(self) -> tuple[tuple[int, int], ...]:  # type: ignore[override]
        return tuple((self.operands + k, 1 + k) for k in range(len(STARTS[self.function])))

    def shapes(self, x: tuple[int, ...], score: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
        """Of the states."""
        return {"sum": [x, x], "mean": [x, x, (1,) * len(x)], "softmax": [x, score, score]}[self.function]

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(self.function in STARTS, f"unknown function {self.function!r}")
        expect(len(inputs) == self.operands + len(self.carried), f"running {self.function} of {len(inputs)} operands")
        least, most = (0, 30) if self.function == "mean" else (1, 60)
        fits = 0 <= self.multiplier < 1 << 14 and least <= self.shift <= most
        expect(fits and 0 <= self.score_multiplier < 1 << 15 and 1 <= self.score_shift <= 30, f"{self} is out of range")
        x, score = inputs[0], inputs[self.operands - 1]
        expect(x.dtype == score.dtype == "int16" and x.stream is not None, f"running of {x}, {score}; int16 expected")
        expect(np.broadcast_shapes(x.shape, score.shape) == x.shape, f"scores {score.shape} of frames {x.shape}")
        found = [(s.dtype, s.shape) for s in inputs[self.operands :]]
        wanted = [("int32", shape) for shape in self.shapes(x.shape, score.shape)]
        expect(found == wanted, f"states must be {wanted}, not {found}")
        return x, *(ValueType(dtype, shape, x.stream) for dtype, shape in wanted)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        values, states = inputs[: self.operands], [s.astype(np.int64) for s in inputs[self.operands :]]
        steps: dict[str, Callable[..., tuple[Array, ...]]] = {
            "sum": self._sum, "mean": self._mean, "softmax": self._softmax,
        }  # fmt: skip
        rows: list[Sequence[Array]] = []
        for frame in zip(*(v.astype(np.int64) for v in values), strict=True):
            y, *states = steps[self.function](*frame, *states)
            rows.append((sat16(y).astype(np.int16), *(s.astype(np.int32) for s in states)))
        return tuple(np.stack(column) for column in zip(*rows, strict=True))

    def _sum(self, x: Array, high: Array, low: Array) -> tuple[Array, ...]:
        total = np.clip(high * 65536 + low + x, -MOST_SUM, MOST_SUM)
        return round_shift(total * self.multiplier, self.shift), total >> 16, total & 65535

    def _mean(self, x: Array, high: Array, low: Array, count: Array) -> tuple[Array, ...]:
        total = high * 65536 + low
        total = np.where(count >= MOST_FRAMES, total - total // np.maximum(count, 1), total) + x
        count = np.minimum(count + 1, MOST_FRAMES)
        y = (2 * total * self.multiplier + (count << self.shift)) // (count << (self.shift + 1))
        return y, total >> 16, total & 65535, count

    def _softmax(self, x: Array, score: Array, mean: Array, total: Array, top: Array) -> tuple[Array, ...]:
        highest = np.maximum(top, score)
        weight = self._exponential(highest - score)
        total = round_shift(total * self._exponential(highest - top), 15) + weight
        mean = mean + round_shift(((x << 15) - mean) * ((weight << 30) // total), 30)
        large = total > MOST_WEIGHT
        y = round_shift(mean * self.multiplier, self.shift)
        return y, mean, np.where(large, total >> 1, total), np.where(large, highest + self.log_two, highest)

    def _exponential(self, d: Array) -> Array:
        u = np.minimum(round_shift(np.minimum(d, 65535) * self.score_multiplier, self.score_shift), 65535)
        return np.where(d == 0, ONE_Q15, look_up(EXP_MINUS, u - 32768))
