"""C lowerings of the integer ops over a whole frame."""

from __future__ import annotations

import math

from edgernn.export.c.lowering import Call, in_place, lower
from edgernn.export.c.walks import broadcast_strides, fold, strides
from edgernn.ir.graph import Graph, Node
from edgernn.ops.integer import (
    AddInt16,
    ClipInt16,
    DivInt16,
    LayerNormInt16,
    LogPowerInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    MulInt16,
    ReduceInt16,
    RescaleInt16,
    SoftmaxInt16,
    TableInt16,
)
from edgernn.ops.integer.tables import EXP_MINUS, LOG_1_PLUS

FILE = "ern_elementwise_s16.c"
MAX_SOFTMAX = 1 << 16
"""Elements whose exponentials sum to 32 bits."""


def _pairwise(call: Call, function: str, *parameters: int) -> None:
    a, b, y = call.type_in(0).shape, call.type_in(1).shape, call.type_out().shape
    walk = call.program.walk(fold(y, broadcast_strides(a, y), broadcast_strides(b, y)), call)
    call.emit(f"ern_{function}_s16", call.operand(0), call.operand(1), call.result(), walk, *parameters, file=FILE)


@lower.register
def _(op: AddInt16, call: Call) -> None:
    _pairwise(call, op.function, op.multiplier_a, op.multiplier_b, op.shift)


@lower.register
def _(op: MulInt16, call: Call) -> None:
    _pairwise(call, "mul", op.multiplier)


@lower.register
def _(op: DivInt16, call: Call) -> None:
    _pairwise(call, "div", op.multiplier, op.shift)


def _elementwise(call: Call, function: str, *parameters: object) -> None:
    call.emit(f"ern_{function}_s16", call.operand(0), call.result(), call.type_out().size, *parameters, file=FILE)


@lower.register
def _(op: RescaleInt16, call: Call) -> None:
    names = {"int16": "s16", "int8": "s8"}
    ends = dict.fromkeys((names[call.type_in(0).dtype], names[op.dtype]))
    call.emit(
        f"ern_rescale_{'_'.join(ends)}", call.operand(0), call.result(), call.type_out().size, op.multiplier, op.shift,
        file=FILE,
    )  # fmt: skip


@lower.register
def _(op: ClipInt16, call: Call) -> None:
    _elementwise(call, "clip", op.low, op.high)


@lower.register
def _(op: TableInt16, call: Call) -> None:
    _elementwise(call, "table", call.program.weights(call.array(1), f"{call.node.name}_table"))


def _rows(call: Call) -> tuple[int, int]:
    shape = call.type_in(0).shape
    return math.prod(shape[:-1]), shape[-1]


@lower.register
def _(op: LayerNormInt16, call: Call) -> None:
    epsilon = f"UINT64_C({op.epsilon})"
    call.emit(
        "ern_layer_norm_s16", call.operand(0), *_rows(call), call.operand(1), call.operand(2), epsilon, call.result()
    )


@lower.register
def _(op: SoftmaxInt16, call: Call) -> None:
    _softmax(call, "softmax", op.multiplier, op.shift, call.program.weights(EXP_MINUS, "exp_minus"))


@lower.register
def _(op: LogSoftmaxInt16, call: Call) -> None:
    tables = call.program.weights(EXP_MINUS, "exp_minus"), call.program.weights(LOG_1_PLUS, "log_1_plus")
    _softmax(call, "log_softmax", op.multiplier, op.shift, op.gain, op.log_gain, *tables)


@lower.register
def _(op: MaskedSoftmaxInt16, call: Call) -> None:
    rows, size = _rows(call)
    if size > MAX_SOFTMAX:
        raise call.unsupported(f"an axis of {size} elements; {MAX_SOFTMAX} at most")
    call.emit(
        "ern_masked_softmax_s16", call.operand(0), call.operand(1), call.result(), rows, size, op.multiplier, op.shift,
        call.program.weights(EXP_MINUS, "exp_minus"), file="ern_softmax_s16.c",
    )  # fmt: skip


def _softmax(call: Call, function: str, *parameters: object) -> None:
    rows, size = _rows(call)
    if size > MAX_SOFTMAX:
        raise call.unsupported(f"an axis of {size} elements; {MAX_SOFTMAX} at most")
    call.emit(f"ern_{function}_s16", call.operand(0), call.result(), rows, size, *parameters, file="ern_softmax_s16.c")


@lower.register
def _(op: LogPowerInt16, call: Call) -> None:
    limits = f"UINT64_C({op.offset})", f"UINT64_C({op.floor})"
    table = call.program.weights(LOG_1_PLUS, "log_1_plus")
    call.emit(
        "ern_log_power_s16", call.operand(0), call.operand(1), *_rows(call), *(call.operand(k) for k in (2, 3, 4)),
        call.type_in(3).shape[0], *limits, op.gain, f"INT64_C({op.bias})", table, call.result(),
    )  # fmt: skip


@lower.register
def _(op: ReduceInt16, call: Call) -> None:
    shape = call.type_in(0).shape
    steps, reduced = strides(shape), {a % len(shape) for a in op.axes}
    walks = []
    for inside in (False, True):
        axes = [k for k in range(len(shape)) if (k in reduced) == inside]
        own = tuple(steps[k] for k in axes)
        walks.append(call.program.walk(fold(tuple(shape[k] for k in axes), own, own), call))
    call.emit(
        f"ern_reduce_{op.function}_s16", call.operand(0), call.result(), *walks, op.multiplier, file="ern_reduce_s16.c"
    )


@lower.register
def _(op: MatmulInt16, call: Call) -> None:
    a, b = call.type_in(0).shape, call.type_in(1).shape
    batch = math.prod(call.type_out().shape[:-2])
    a_step, b_step = (math.prod(s[-2:]) if len(s) > 2 else 0 for s in (a, b))
    call.emit(
        "ern_matmul_s16", call.operand(0), a_step, call.operand(1), b_step, call.result(), batch,
        a[-2], a[-1], b[-1], op.multiplier,
    )  # fmt: skip


def _pairwise_in_place(op: AddInt16 | DivInt16 | MulInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    y = graph.values[node.outputs[0]].shape
    return [
        (k, 0) for k, name in enumerate(node.inputs)
        if broadcast_strides(graph.values[name].shape, y) == strides(y)
    ]  # fmt: skip


def _first_in_place(
    op: RescaleInt16 | ClipInt16 | TableInt16 | LayerNormInt16 | SoftmaxInt16 | LogSoftmaxInt16,
    node: Node,
    graph: Graph,
) -> list[tuple[int, int]]:
    return [(0, 0)]


for _pair in (AddInt16, DivInt16, MulInt16):
    in_place.register(_pair, _pairwise_in_place)
for _op in (RescaleInt16, ClipInt16, TableInt16, LayerNormInt16, SoftmaxInt16, LogSoftmaxInt16):
    in_place.register(_op, _first_in_place)
