"""Magnitudes sqrt(a^2 + b^2) in 16 bits.

A square takes twice the bits of what it is of: as int16 it keeps the upper half, and the root of it a resolution of the
peak over 181. So the magnitude is computed from a and b themselves: with m the larger and n the lesser of |a| and |b|,
it is m sqrt(1 + (n / m)^2), whose factors have 16 bits each.
"""

from __future__ import annotations

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Op
from edgernn.ops import Binary, Unary
from edgernn.ops.integer.elementwise import AddInt16, DivInt16, MulInt16, TableInt16
from edgernn.ops.integer.fit import fit_table
from edgernn.quant.context import INTEGER_MAX, Q15, Context, unit_of
from edgernn.quant.fixed_point import high_word

ROOT_SCALE = unit_of(2.0**0.5)


def legs_of(ctx: Context, power: str) -> tuple[str, str] | None:
    """a and b, as values of the float graph, where ``power`` is a^2 + b^2."""
    node = ctx.producers.get(power)
    if node is None or node.op != Binary("add"):
        return None
    a, b = (_root(ctx, name) for name in node.inputs)
    shapes = [ctx.builder.graph.values[ctx.names[leg]].shape for leg in (a, b) if leg in ctx.names]
    return (a, b) if a and b and len(shapes) == 2 and shapes[0] == shapes[1] else None


def _root(ctx: Context, square: str) -> str:
    """What ``square`` is the square of, empty where it is none."""
    node = ctx.producers.get(square)
    if node is None:
        return ""
    is_square = node.op == Unary("square") or (node.op == Binary("mul") and node.inputs[0] == node.inputs[1])
    return node.inputs[0] if is_square else ""


def magnitude(ctx: Context, node: Node, a: str, b: str) -> str:
    """Nodes for sqrt(a^2 + b^2), the result of ``node``."""
    legs = [ctx.wide(ctx.names[name]) for name in (a, b)]
    unit = max(ctx.scales[name] for name in legs)
    first, second = (_absolute(ctx, ctx.rescaled(name, unit)) for name in legs)
    largest, least = (
        _add(ctx, AddInt16(f, 1 << 13, 1 << 13, 13), [first, second], unit) for f in ("maximum", "minimum")
    )
    ratio = _add(ctx, DivInt16(1 << 15, 0), [least, largest], Q15)
    table = fit_table(lambda v: np.sqrt(1.0 + np.square(v * Q15)) / ROOT_SCALE)
    root = _add(ctx, TableInt16(), [ratio, ctx.constant(table, f"{node.name}_table")], ROOT_SCALE)
    product = unit * ROOT_SCALE
    scale = max(ctx.scale_of(node.outputs[0]), unit * 2.0**0.5 / INTEGER_MAX["int16"], product * 2.01)
    return ctx.put(
        ctx.builder.add1(MulInt16(int(high_word(np.asarray(product / scale)))), [largest, root], node.name), scale
    )


def _absolute(ctx: Context, x: str) -> str:
    return _add(ctx, AddInt16("maximum", 1 << 13, -(1 << 13), 13), [x, x], ctx.scales[x])


def _add(ctx: Context, op: Op, operands: list[str], scale: float) -> str:
    return ctx.put(ctx.builder.add1(op, operands, f"{operands[0]}_magnitude"), scale)
