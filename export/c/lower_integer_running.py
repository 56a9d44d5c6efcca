"""C lowerings of integer statistics over time."""

from __future__ import annotations

from edgernn.export.c.lowering import Call, in_place, lower, workspace
from edgernn.export.c.walks import broadcast_strides, fold, strides
from edgernn.ir.graph import Graph, Node
from edgernn.ops.integer import RunningInt16
from edgernn.ops.integer.tables import EXP_MINUS

FILE = "ern_running_s16.c"


@lower.register
def _(op: RunningInt16, call: Call) -> None:
    if op.function == "softmax":
        _softmax(op, call)
        return
    states = range(1, 1 + len(op.carried))
    call.emit(
        f"ern_running_{op.function}_s16", call.operand(0), call.type_in(0).size, *(call.operand(k) for k in states),
        op.multiplier, op.shift, call.result(), *(call.result(k) for k in states), file=FILE,
    )  # fmt: skip


def _softmax(op: RunningInt16, call: Call) -> None:
    ratio, table = call.workspace(), call.program.weights(EXP_MINUS, "exp_minus")
    call.emit(
        "ern_running_weights_s16", call.operand(1), call.type_in(1).size, call.operand(3), call.operand(4),
        op.score_multiplier, op.score_shift, op.log_two, table, ratio, call.result(2), call.result(3), file=FILE,
    )  # fmt: skip
    shape = call.type_in(0).shape
    walk = call.program.walk(fold(shape, strides(shape), broadcast_strides(call.type_in(1).shape, shape)), call)
    call.emit(
        "ern_running_softmax_s16", call.operand(0), ratio, walk, call.operand(2), op.multiplier, op.shift,
        call.result(), call.result(1), file=FILE,
    )  # fmt: skip


@in_place.register
def _(op: RunningInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return list(op.carried)


@workspace.register
def _(op: RunningInt16, node: Node, graph: Graph) -> int | tuple[str, int]:
    return ("int32", graph.values[node.inputs[1]].size) if op.function == "softmax" else 0
