"""Products with a matrix of weights as a node of their own."""

from __future__ import annotations

from dataclasses import dataclass

from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops.integer.dense import LinearInt16
from edgernn.quant.context import Context
from edgernn.quant.fixed_point import rounded_int32
from edgernn.quant.products import largest_shift, multipliers, needed_halvings
from edgernn.quant.weights import rounded, row_scales


@dataclass(frozen=True)
class Dense:
    """A matrix and a bias in real numbers, and what its result is to be.

    scale  real value of one unit of the result, at the least: it is coarser where the multipliers ask for it
    """

    weight: Array
    bias: Array
    scale: float
    dtype: str = "int16"
    hint: str = ""


def lower_dense(ctx: Context, node: Node, x: str, layer: Dense) -> str:
    """A LinearInt16 of ``layer`` over ``x``, for ``node`` of the float graph.

    Where a row is too long for 32-bit sums, x is halved until it fits.
    """
    levels, hint = ctx.levels(node), layer.hint or node.name
    weight = layer.weight * ctx.scales[x]
    unit = row_scales(weight, levels)
    w = rounded(weight, unit, levels)
    halvings = needed_halvings(w, ctx.width(x))
    if halvings:
        x = ctx.rescaled(x, ctx.scales[x] * 2**halvings, dtype=ctx.width(x))
        unit = unit * 2**halvings
    room = largest_shift(w, dtype=ctx.width(x))
    scale = max(layer.scale, float(unit.max()) * 2.01 / 2**room)
    shift, (multiplier,) = multipliers(node, ctx.width(x), ((w,), unit / scale), halvings=halvings)
    operands = [
        x, ctx.constant(w, f"{hint}_w"), ctx.constant(multiplier, f"{hint}_multiplier"),
        ctx.constant(rounded_int32(layer.bias / scale), f"{hint}_bias"),
    ]  # fmt: skip
    return ctx.put(ctx.builder.add1(LinearInt16(layer.dtype, shift), operands, hint), scale)
