"""Integer statistics over time, and quotients of streams.

The int32 states are those of the definition. What is computed from them, and weights, are in float32: exact where
numbers have up to 24 bits, and relative to their size otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.export.tflite.integer import cast, fixed
from edgernn.export.tflite.lower import Lowering, lower
from edgernn.export.tflite.lower_integer import operand, result_scale
from edgernn.export.tflite.schema import schema
from edgernn.ops.integer.elementwise import DivInt16
from edgernn.ops.integer.running import MOST_FRAMES, MOST_WEIGHT, RunningInt16

HIGH = 65536.0
"""What a unit of the upper part of a sum counts in units of the lower part."""

ONE, Q12 = 2.0**15, 2.0**-12


@lower.register
def _div(op: DivInt16, to: Lowering) -> Sequence[int]:
    """A divisor of 0 is made 1."""
    a, b = (cast(to, operand(to, k), "float32") for k in range(2))
    is_zero = to.unary("RELU", to.binary("SUB", to.scalar_like(b, 1.0), to.binary("MUL", b, b)))
    quotient = to.binary("DIV", a, to.binary("ADD", b, is_zero))
    scale = result_scale(to)
    return [saturated(to, to.binary("MUL", quotient, op.multiplier / 2.0**op.shift), scale)]


def saturated(to: Lowering, units: int, scale: float) -> int:
    """A float32 tensor of any number of units as int16. (QUANTIZE itself saturates only what int32 can hold.)"""
    within = to.binary("MAXIMUM", to.binary("MINIMUM", units, 32767.0), -32768.0)
    return fixed(to, to.binary("MUL", within, scale), scale)


@lower.register
def _running(op: RunningInt16, to: Lowering) -> Sequence[int]:
    states = [to.operand(op.operands + k) for k in range(len(op.carried))]
    x = cast(to, operand(to, 0), "int32")
    if op.function == "softmax":
        value, after = _softmax(op, to, x, cast(to, operand(to, 1), "float32"), states)
    else:
        value, after = (_mean if op.function == "mean" else _sum)(to, x, *states)
    y = saturated(to, to.binary("MUL", value, op.multiplier / 2.0**op.shift), result_scale(to))
    return [y, *after]


def _sum(to: Lowering, x: int, high: int, low: int) -> tuple[int, list[int]]:
    """The real sum, and its parts: what is beyond the lower 16 bits is carried over."""
    total = to.binary("ADD", low, x)
    carry = cast(to, to.unary("FLOOR", to.binary("MUL", cast(to, total, "float32"), 1 / HIGH)), "int32")
    high = to.binary("ADD", high, carry)
    low = to.binary("SUB", total, to.binary("MUL", carry, _constant(to, int(HIGH), x)))
    return to.binary("ADD", to.binary("MUL", cast(to, high, "float32"), HIGH), cast(to, low, "float32")), [high, low]


def _mean(to: Lowering, x: int, high: int, low: int, count: int) -> tuple[int, list[int]]:
    """Once the count is full, the mean so far is taken from the sum first."""
    frames = cast(to, count, "float32")
    full = to.unary("RELU", to.binary("SUB", frames, MOST_FRAMES - 1.0))
    before = to.binary("ADD", to.binary("MUL", cast(to, high, "float32"), HIGH), cast(to, low, "float32"))
    mean = to.unary("FLOOR", to.binary("DIV", before, to.binary("MAXIMUM", frames, 1.0)))
    x = to.binary("SUB", x, cast(to, to.binary("MUL", mean, full), "int32"))
    total, parts = _sum(to, x, high, low)
    count = to.binary("MINIMUM", to.binary("ADD", count, _constant(to, 1, count)), _constant(to, MOST_FRAMES, count))
    return to.binary("DIV", total, cast(to, count, "float32")), [*parts, count]


def _softmax(op: RunningInt16, to: Lowering, x: int, score: int, states: Sequence[int]) -> tuple[int, list[int]]:
    mean, weights, top = states
    before = cast(to, top, "float32")
    highest = to.binary("MAXIMUM", before, score)
    weight = _exponential(op, to, to.binary("SUB", score, highest))
    kept = to.binary("MUL", cast(to, weights, "float32"), _exponential(op, to, to.binary("SUB", before, highest)))
    total = to.binary("ADD", kept, to.binary("MUL", weight, ONE))
    distance = to.binary("SUB", to.binary("MUL", x, _constant(to, int(ONE), x)), mean)
    ratio = to.binary("DIV", to.binary("MUL", weight, ONE), total)
    move = to.binary("MUL", cast(to, distance, "float32"), ratio)
    mean = to.binary("ADD", mean, _rounded(to, move))
    large = to.binary("GREATER", total, float(MOST_WEIGHT))
    half, one, lower_top = (to.scalar_like(total, v) for v in (0.5, 1.0, float(op.log_two)))
    weights = _rounded(to, to.binary("MUL", total, _select(to, large, half, one)))
    top = _rounded(to, to.binary("ADD", highest, _select(to, large, lower_top, to.scalar_like(total, 0.0))))
    return cast(to, mean, "float32"), [mean, weights, top]


def _exponential(op: RunningInt16, to: Lowering, difference: int) -> int:
    """exp of a difference of scores, at most 0."""
    unit = op.score_multiplier / 2.0**op.score_shift * Q12
    return to.unary("EXP", to.binary("MAXIMUM", to.binary("MUL", difference, unit), -16.0), schema.ExpOptionsT())


def _select(to: Lowering, condition: int, yes: int, no: int) -> int:
    shape = to.writer.shape(condition)
    return to.emit("SELECT_V2", [condition, yes, no], shape, schema.SelectV2OptionsT(), dtype="float32")


def _rounded(to: Lowering, x: int) -> int:
    return cast(to, to.unary("FLOOR", to.binary("ADD", x, 0.5)), "int32")


def _constant(to: Lowering, value: int, like: int) -> int:
    """An int32 of one element with as many axes as ``like``."""
    return to.constant(np.full((1,) * len(to.writer.shape(like)), value), "int32")
