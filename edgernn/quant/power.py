"""Logarithms of power: of a^2 + b^2, of its sums over bands, with what is added to them or the least that they count.

A power has twice the bits of what it is of, its logarithm fewer. So what lies between is one op, exact in 64 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops import Binary, Linear, Unary
from edgernn.ops.banded_linear import bands
from edgernn.ops.integer.power import BINS_MAX, LARGEST, LOG_SHIFT, LogPowerInt16
from edgernn.quant.context import INTEGER_MAX, Context
from edgernn.quant.magnitude import legs_of

LARGEST_GAIN = (1 << 31) - 1


@dataclass(frozen=True)
class BandPower:
    """max(weight @ (a^2 + b^2) + offset, floor), a and b int16 values of the new graph; weight [O, K], not negative."""

    a: str
    b: str
    weight: Array
    offset: float
    floor: float


def band_power(ctx: Context, name: str) -> BandPower | None:
    """What ``name`` is as such; None where it is something else."""
    offset, floor = 0.0, 0.0
    while (step := _bounded(ctx, name)) is not None:
        name, low, added = step
        floor, offset = max(floor, low + offset), offset + added
    weight: Array | None = None
    node = ctx.producers.get(name)
    if node is not None and isinstance(node.op, Linear):
        bias = _constant_number(ctx, node.inputs[2])
        if node.inputs[1] not in ctx.constants or bias is None:
            return None
        weight, offset, name = ctx.weight(node, 1), offset + bias, node.inputs[0]
    if offset < 0 or (weight is not None and weight.min() < 0):
        return None
    legs = legs_of(ctx, _square_of_root(ctx, name))
    shape = ctx.builder.graph.values[legs[0]].shape if legs else ()
    if legs is None or not shape or shape[-1] > BINS_MAX:
        return None
    return BandPower(*legs, np.eye(shape[-1]) if weight is None else weight, offset, floor)


def _bounded(ctx: Context, name: str) -> tuple[str, float, float] | None:
    """x, low and c where ``name`` is max(x, low) + c."""
    node = ctx.producers.get(name)
    if node is None:
        return None
    if isinstance(node.op, Unary) and node.op.function == "clip" and math.isinf(node.op.parameters[1]):
        return node.inputs[0], node.op.parameters[0], 0.0
    if node.op not in (Binary("add"), Binary("maximum")):
        return None
    numbers = [_constant_number(ctx, operand) for operand in node.inputs]
    k = next((k for k, number in enumerate(numbers) if number is not None), None)
    if k is None:
        return None
    number = numbers[k] or 0.0
    low, added = (0.0, number) if node.op == Binary("add") else (number, 0.0)
    return node.inputs[1 - k], low, added


def _constant_number(ctx: Context, name: str) -> float | None:
    """The number that all elements of a constant are."""
    array = ctx.constants.get(name)
    return float(array.flat[0]) if array is not None and array.size and (array == array.flat[0]).all() else None


def _square_of_root(ctx: Context, name: str) -> str:
    """x where ``name`` is the square of the root of x, else ``name``."""
    node = ctx.producers.get(name)
    if node is None or not (
        node.op == Unary("square") or (node.op == Binary("mul") and node.inputs[0] == node.inputs[1])
    ):
        return name
    root = ctx.producers.get(node.inputs[0])
    return root.inputs[0] if root is not None and root.op == Unary("sqrt") else name


def log_power(ctx: Context, node: Node, power: BandPower) -> str:
    """Nodes for the natural logarithm of ``power``, the result of ``node``."""
    unit = max(ctx.scales[name] for name in (power.a, power.b))
    a, b = (ctx.rescaled(name, unit) for name in (power.a, power.b))
    largest = float(power.weight.max()) or 1.0
    weights, starts, lengths = bands(np.round(power.weight / largest * INTEGER_MAX["int16"]).astype(np.int16))
    one = unit**2 * largest / INTEGER_MAX["int16"]
    offset, floor = (min(round(number / one), LARGEST - 1) for number in (power.offset, power.floor))
    scale = max(ctx.scale_of(node.outputs[0]), 2.0 ** (LOG_SHIFT - 15) / LARGEST_GAIN)
    scale = max(scale, abs(math.log(one)) * 2.0 ** (LOG_SHIFT - 46))
    op = LogPowerInt16(
        offset, max(floor, 1), round(2.0 ** (LOG_SHIFT - 15) / scale), round(math.log(one) / scale * 2**LOG_SHIFT)
    )
    constants = {"weights": weights, "starts": starts, "lengths": lengths}
    operands = [a, b, *(ctx.constant(array, f"{node.name}_{hint}") for hint, array in constants.items())]
    return ctx.put(ctx.builder.add1(op, operands, node.name), scale)
