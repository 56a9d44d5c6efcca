"""C lowerings of ops that read whole axes: reductions, softmax, normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgernn.export.c.lowering import Call, in_place, lower
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Op
from edgernn.ops import LayerNorm, LogSoftmax, MaskedSoftmax, Reduce, Softmax


def _outer_inner(shape: tuple[int, ...], first: int, last: int) -> tuple[int, int, int]:
    """Elements before, in and after the axes ``first`` to ``last`` (negative)."""
    rank = len(shape)
    parts = (shape[: rank + first], shape[rank + first : rank + last + 1], shape[rank + last + 1 :])
    return math.prod(parts[0]), math.prod(parts[1]), math.prod(parts[2])


@lower.register
def _(op: Reduce, call: Call) -> None:
    call.require_float()
    sizes = _outer_inner(call.type_in(0).shape, min(op.axes), max(op.axes))
    call.emit(f"ern_reduce_{op.function}_f32", call.operand(0), call.result(), *sizes, file="ern_reduce_f32.c")


def split_reductions(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
    """Rewrite rule: a reduction over axes that are not neighbours becomes one for each group of them."""
    if not isinstance(node.op, Reduce):
        return None
    groups: list[list[int]] = []
    for axis in sorted({*node.op.axes}):
        if groups and groups[-1][-1] == axis - 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) == 1 and len(groups[0]) == len(node.op.axes):
        return None
    value = inputs[0]
    for group in groups:
        value = builder.add1(Reduce(node.op.function, tuple(group), node.op.keepdims), [value], node.name)
    return [value]


@lower.register
def _(op: Softmax, call: Call) -> None:
    _softmax(call, "ern_softmax_f32", op.axis)


@lower.register
def _(op: LogSoftmax, call: Call) -> None:
    _softmax(call, "ern_log_softmax_f32", op.axis)


@lower.register
def _(op: MaskedSoftmax, call: Call) -> None:
    x = call.type_in(0)
    if x.dtype != "float32":
        raise call.unsupported(f"{x.dtype} frames; float32 expected")
    rows, file = x.size // x.shape[-1], "ern_softmax_f32.c"
    call.emit(
        "ern_masked_softmax_f32", call.operand(0), call.operand(1), call.result(), rows, x.shape[-1], file=file
    )


def _softmax(call: Call, function: str, axis: int) -> None:
    call.require_float()
    sizes = _outer_inner(call.type_in(0).shape, axis, axis)
    call.emit(function, call.operand(0), call.result(), *sizes, file="ern_softmax_f32.c")


@lower.register
def _(op: LayerNorm, call: Call) -> None:
    call.require_float()
    shape = call.type_in(0).shape
    call.emit(
        "ern_layer_norm_f32", call.operand(0), math.prod(shape[:-1]), shape[-1], call.operand(1),
        call.operand(2), call.program.number(op.eps), call.result(),
    )  # fmt: skip


def _first_in_place(op: Op, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0)]


for _op in (LayerNorm, Softmax, MaskedSoftmax, LogSoftmax):
    in_place.register(_op, _first_in_place)
