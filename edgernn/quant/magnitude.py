"""Magnitudes sqrt(a^2 + b^2) in 16 bits.

A square takes twice the bits of what it is of: as int16 it keeps the upper half, and the root of it a resolution of the
peak over 181. So the magnitude is computed from a and b themselves: with m the larger and n the lesser of |a| and |b|,
it is m sqrt(1 + (n / m)^2), whose factors have 16 bits each.
"""

from __future__ import annotations

import math

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Op
from edgernn.ops import Binary, Reduce, Reshape, Slice, Unary
from edgernn.ops.integer.elementwise import AddInt16, DivInt16, MulInt16, TableInt16
from edgernn.ops.integer.fit import fit_table
from edgernn.quant.context import INTEGER_MAX, Q15, Context, unit_of
from edgernn.quant.fixed_point import high_word

ROOT_SCALE = unit_of(2.0**0.5)


def legs_of(ctx: Context, power: str) -> tuple[str, str] | None:
    """a and b, as int16 values of the new graph, where ``power``, a value of the float graph, is a^2 + b^2.

    It may be the sum over an axis of two, as of ``torch.linalg.vector_norm``.
    """
    node = _reshaped(ctx, power)
    if node is None:
        return None
    if node.op == Binary("add"):
        roots = [_root(ctx, ctx.producers.get(name)) for name in node.inputs]
        legs = [ctx.wide(_new(ctx, root)) for root in roots if root]
    elif isinstance(node.op, Reduce) and node.op.function == "sum" and _is_of_two(ctx, node):
        root = _root(ctx, _reshaped(ctx, node.inputs[0]))
        legs = _halves(ctx, root, node) if root else []
    else:
        return None
    shape = _shape(ctx, power)
    shapes = {ctx.builder.graph.values[leg].shape for leg in legs}
    if len(legs) != 2 or len(shapes) != 1 or math.prod(shapes.pop()) != math.prod(shape):
        return None
    return _move(ctx, Reshape(shape), legs[0]), _move(ctx, Reshape(shape), legs[1])


def _new(ctx: Context, name: str) -> str:
    """What a value of the float graph is in the new one, where inputs and states keep their names."""
    return ctx.names.get(name, name)


def _shape(ctx: Context, name: str) -> tuple[int, ...]:
    return ctx.builder.graph.values[_new(ctx, name)].shape


def _reshaped(ctx: Context, name: str) -> Node | None:
    """The node that computes ``name`` or what it is another shape of."""
    node = ctx.producers.get(name)
    while node is not None and isinstance(node.op, Reshape):
        node = ctx.producers.get(node.inputs[0])
    return node


def _root(ctx: Context, node: Node | None) -> str:
    """What ``node`` squares, empty where it does something else."""
    if node is None:
        return ""
    is_square = node.op == Unary("square") or (node.op == Binary("mul") and node.inputs[0] == node.inputs[1])
    return node.inputs[0] if is_square else ""


def _is_of_two(ctx: Context, node: Node) -> bool:
    """Whether a reduction is one over a single axis of two entries."""
    axes = node.op.axes if isinstance(node.op, Reduce) else ()
    return len(axes) == 1 and _shape(ctx, node.inputs[0])[axes[0]] == 2


def _halves(ctx: Context, root: str, node: Node) -> list[str]:
    """The two entries of ``root`` over which ``node`` reduces its square."""
    axis = node.op.axes[0] if isinstance(node.op, Reduce) else -1
    whole = _move(ctx, Reshape(_shape(ctx, node.inputs[0])), ctx.wide(_new(ctx, root)))
    return [_move(ctx, Slice(axis, k, k + 1), whole) for k in (0, 1)]


def _move(ctx: Context, op: Op, x: str) -> str:
    """``op``, which moves elements; nothing where it would keep the shape."""
    if op == Reshape(ctx.builder.graph.values[x].shape):
        return x
    return ctx.put(ctx.builder.add1(op, [x], f"{x}_leg"), ctx.scales[x])


def magnitude(ctx: Context, node: Node, a: str, b: str) -> str:
    """Nodes for sqrt(a^2 + b^2), the result of ``node``."""
    unit = max(ctx.scales[name] for name in (a, b))
    first, second = (_absolute(ctx, ctx.rescaled(name, unit)) for name in (a, b))
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
