"""C lowerings of ops that move elements. Those that only rename them have become aliases before."""

from __future__ import annotations

import math

from edgernn.export.c.lowering import Call, in_place, lower
from edgernn.export.c.walks import Walk, broadcast_strides, fold, strides
from edgernn.ir.graph import Graph, Node
from edgernn.ir.types import DTYPE_BYTES
from edgernn.ops import Concat, Expand, Reshape, Select, Slice, Transpose


def _copy(call: Call, walk: Walk, source: str, target: str) -> None:
    element_bytes = DTYPE_BYTES[call.type_out().dtype]
    call.emit("ern_copy", source, target, element_bytes, call.program.walk(walk, call))


@lower.register
def _(op: Reshape, call: Call) -> None:
    _copy(call, fold((call.type_out().size,), (1,), (1,)), call.operand(0), call.result())


@lower.register
def _(op: Transpose, call: Call) -> None:
    steps, shape = strides(call.type_in(0).shape), call.type_out().shape
    _copy(call, fold(shape, tuple(steps[a] for a in op.axes), strides(shape)), call.operand(0), call.result())


@lower.register
def _(op: Expand, call: Call) -> None:
    shape = call.type_out().shape
    walk = fold(shape, broadcast_strides(call.type_in(0).shape, shape), strides(shape))
    _copy(call, walk, call.operand(0), call.result())


@lower.register
def _(op: Slice, call: Call) -> None:
    shape = call.type_out().shape
    steps = list(strides(call.type_in(0).shape))
    offset = op.start * steps[op.axis]
    steps[op.axis] *= op.step
    _copy(call, fold(shape, tuple(steps), strides(shape)), f"{call.operand(0)} + {offset}", call.result())


@lower.register
def _(op: Concat, call: Call) -> None:
    steps = strides(call.type_out().shape)
    offset = 0
    for k in range(len(call.node.inputs)):
        shape = call.type_in(k).shape
        walk = fold(shape, strides(shape), steps)
        _copy(call, walk, call.operand(k), f"{call.result()} + {offset}")
        offset += shape[op.axis] * math.prod(shape[len(shape) + op.axis + 1 :])


@lower.register
def _(op: Select, call: Call) -> None:
    call.emit("ern_select", *(call.operand(k) for k in range(3)), call.result(), call.type_out().nbytes)


@in_place.register
def _(op: Select, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(1, 0), (2, 0)]
