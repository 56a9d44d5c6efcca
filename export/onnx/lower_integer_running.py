"""Integer statistics over time, and quotients, in ONNX operators.

Sums are exact, in int64; their int32 states are those of the definition. Weights are computed in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto

from edgernn.export.onnx.integer import Q12, RESULT, scaled
from edgernn.export.onnx.lower import lower
from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.graph import Node
from edgernn.ops.integer.elementwise import DivInt16
from edgernn.ops.integer.running import MOST_FRAMES, MOST_SUM, MOST_WEIGHT, RunningInt16

HIGH = 65536
ONE_Q15 = 2.0**15


@lower.register
def _div(op: DivInt16, node: Node, b: ModelBuilder) -> list[str]:
    """A divisor of 0 counts as one unit."""
    x, divisor = (b.operand(v) for v in node.inputs)
    unit = b.scalar(b.scale(1))
    divisor = b.op1("Where", [b.op1("Equal", [divisor, b.scalar(0.0)]), unit, divisor])
    factor = op.multiplier / 2.0**op.shift * b.scale(1) * b.scale(RESULT) / b.scale(0)
    return [scaled(b, b.op1("Div", [x, divisor]), factor)]


@lower.register
def _running(op: RunningInt16, node: Node, b: ModelBuilder) -> list[str]:
    values = [_cast(b, b.integers(v), TensorProto.INT64) for v in node.inputs[: op.operands]]
    states = [_cast(b, b.frame(v), TensorProto.INT64) for v in node.inputs[op.operands :]]
    y, after = STEPS[op.function](op, b, *values, *states)
    real = b.op1("Mul", [_cast(b, y, TensorProto.FLOAT), b.scalar(op.multiplier / 2.0**op.shift * b.scale(RESULT))])
    return [real, *(_cast(b, state, TensorProto.INT32) for state in after)]


def _cast(b: ModelBuilder, value: str, to: int) -> str:
    return b.op1("Cast", [value], to=to)


def _int(b: ModelBuilder, value: int) -> str:
    return b.constant(np.asarray(value, np.int64))


def _double(b: ModelBuilder, value: float) -> str:
    return b.constant(np.asarray(value, np.float64))


def _joined(b: ModelBuilder, high: str, low: str) -> str:
    return b.op1("Add", [b.op1("Mul", [high, _int(b, HIGH)]), low])


def _floor_divided(b: ModelBuilder, total: str, divisor: str) -> tuple[str, str]:
    """Quotient rounded down, and rest. (The operator Div rounds towards zero.)"""
    rest = b.op1("Mod", [total, divisor])
    return b.op1("Div", [b.op1("Sub", [total, rest]), divisor]), rest


def _sum(op: RunningInt16, b: ModelBuilder, x: str, high: str, low: str) -> tuple[str, Sequence[str]]:
    total = b.op1("Add", [_joined(b, high, low), x])
    total = b.op1("Clip", [total, _int(b, -MOST_SUM), _int(b, MOST_SUM)])
    return total, _floor_divided(b, total, _int(b, HIGH))


def _mean(op: RunningInt16, b: ModelBuilder, x: str, high: str, low: str, count: str) -> tuple[str, Sequence[str]]:
    total = _joined(b, high, low)
    mean, _ = _floor_divided(b, total, b.op1("Max", [count, _int(b, 1)]))
    is_full = b.op1("GreaterOrEqual", [count, _int(b, MOST_FRAMES)])
    total = b.op1("Add", [b.op1("Where", [is_full, b.op1("Sub", [total, mean]), total]), x])
    count = b.op1("Min", [b.op1("Add", [count, _int(b, 1)]), _int(b, MOST_FRAMES)])
    y = b.op1("Div", [_cast(b, v, TensorProto.DOUBLE) for v in (total, count)])
    return y, [*_floor_divided(b, total, _int(b, HIGH)), count]


def _softmax(
    op: RunningInt16, b: ModelBuilder, x: str, score: str, mean: str, total: str, top: str
) -> tuple[str, Sequence[str]]:
    highest = b.op1("Max", [top, score])
    weight = b.op1("Round", [_exponential(op, b, b.op1("Sub", [highest, score]), _double(b, ONE_Q15))])
    kept = _exponential(op, b, b.op1("Sub", [highest, top]), _cast(b, total, TensorProto.DOUBLE))
    total = b.op1("Add", [b.op1("Round", [kept]), weight])
    before = _cast(b, mean, TensorProto.DOUBLE)
    distance = b.op1("Sub", [b.op1("Mul", [_cast(b, x, TensorProto.DOUBLE), _double(b, ONE_Q15)]), before])
    mean = b.op1("Add", [before, b.op1("Round", [b.op1("Mul", [distance, b.op1("Div", [weight, total])])])])
    is_large = b.op1("Greater", [total, _double(b, MOST_WEIGHT)])
    half = b.op1("Floor", [b.op1("Mul", [total, _double(b, 0.5)])])
    after_highest = b.op1("Where", [is_large, b.op1("Add", [highest, _int(b, op.log_two)]), highest])
    return mean, [mean, b.op1("Where", [is_large, half, total]), after_highest]


def _exponential(op: RunningInt16, b: ModelBuilder, distance: str, factor: str) -> str:
    """``factor`` times exp(-distance), the distance being in units of the score."""
    unit = _double(b, -op.score_multiplier / 2.0**op.score_shift * Q12)
    exponent = b.op1("Mul", [_cast(b, distance, TensorProto.DOUBLE), unit])
    return b.op1("Mul", [b.op1("Exp", [exponent]), factor])


STEPS: dict[str, Callable[..., tuple[str, Sequence[str]]]] = {"sum": _sum, "mean": _mean, "softmax": _softmax}
"""Function -> (op, builder, operands and states) -> what the result is a multiple of, and the states after."""
