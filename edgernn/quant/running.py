"""Rules for statistics over time: the states hold exact integers instead of rounded values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops import Running
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, AddInt16
from edgernn.ops.integer.running import STARTS, RunningInt16
from edgernn.quant.context import LARGEST_EXPONENT, Q12, Context
from edgernn.quant.fixed_point import multiplier_and_shift

EXTREMES = {"max": "maximum", "min": "minimum"}
MEAN_FRACTION = 15
"""Fraction bits of the weighted mean, beyond a unit of x."""

LONGEST_SHIFT = {"sum": 60, "mean": 30, "softmax": 60}


def exact_states(node: Node) -> dict[str, int]:
    """States, by the name of their value, that hold int32 numbers without a scale: what each is at first."""
    if not isinstance(node.op, Running) or node.op.function in EXTREMES:
        return {}
    starts = STARTS[node.op.function]
    return {node.inputs[i]: start for (i, _), start in zip(node.op.carried, starts, strict=True)}


def lower_running(op: Running, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    """Integer nodes for ``node``; what its states are after the step is noted in ``ctx.exact_after``."""
    if op.function in EXTREMES:
        return (_extreme(op, ctx, node, inputs),)
    values = [ctx.wide(name) for name in inputs[: op.operands]]
    multiplier, shift, scale = _gain(op, ctx, node, values[0])
    score = _score(ctx, values[1]) if op.function == "softmax" else {}
    integer = RunningInt16(op.function, multiplier, shift, **score)
    given = zip(node.inputs[op.operands :], inputs[op.operands :], strict=True)
    states = [ctx.exact_after.get(name, state) for name, state in given]
    y, *after = ctx.builder.add(integer, [*values, *states], node.name)
    ctx.exact_after.update(zip(node.outputs, after, strict=True))
    return ctx.put(y, scale), *after[1:]


def _extreme(op: Running, ctx: Context, node: Node, inputs: Sequence[str]) -> str:
    x, best, scale = ctx.wide(inputs[0]), inputs[1], ctx.scales[inputs[1]]
    (m_x, m_best), shift = multiplier_and_shift([ctx.scales[x] / scale, 1.0], MULTIPLIER_MAX + 1)
    return ctx.put(ctx.builder.add1(AddInt16(EXTREMES[op.function], m_x, m_best, shift), [x, best], node.name), scale)


def _gain(op: Running, ctx: Context, node: Node, x: str) -> tuple[int, int, float]:
    """Multiplier, shift and scale of the result: as fine as its range, but not finer than the multiplier can be."""
    unit = ctx.scales[x] * (2.0**-MEAN_FRACTION if op.function == "softmax" else 1.0)
    scale = max(ctx.scale_of(node.outputs[0]), unit / 2**12)
    for shift in range(LONGEST_SHIFT[op.function], -1, -1):
        if round(unit / scale * 2.0**shift) <= MULTIPLIER_MAX:
            return round(unit / scale * 2.0**shift), shift, scale
    raise ValueError(f"running {op.function}: factor {unit / scale:.3g} is too large")


def _score(ctx: Context, score: str) -> dict[str, int]:
    unit = ctx.scales[score]
    (multiplier,), shift = multiplier_and_shift([min(unit / Q12, LARGEST_EXPONENT)], 1 << 15)
    return {"score_multiplier": multiplier, "score_shift": shift, "log_two": max(round(math.log(2.0) / unit), 1)}


def exact_initial(shape: tuple[int, ...], start: int) -> Array:
    """The initial value of such a state."""
    return np.full(shape, start, np.int32)
