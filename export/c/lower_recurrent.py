"""C lowerings of the recurrent layers."""

from __future__ import annotations

import numpy as np

from edgernn.export.c import lower_weights8
from edgernn.export.c.lowering import Call, in_place, lower, workspace
from edgernn.export.c.pack import pack_gru, pack_lstm, pack_rows
from edgernn.ir.graph import Graph, Node
from edgernn.ops import Gru, Lstm, Rnn


@lower.register
def _(op: Lstm, call: Call) -> None:
    call.require_float()
    if lower_weights8.lstm(op, call):
        return
    lanes = call.program.lanes
    packed = pack_lstm(call.array(3), call.array(4), call.array(5), lanes)
    weights = call.program.weights(packed, f"{call.node.name}_weights")
    h_size = call.type_in(1).size
    h_next = call.workspace() if op.proj_size else call.result(0)
    call.emit(
        "ern_lstm_f32", call.operand(0), call.type_in(0).size, call.operand(1), h_size, call.operand(2),
        op.hidden_size, weights, h_next, call.result(1),
    )  # fmt: skip
    if op.proj_size:
        projection = call.array(6)
        packed = pack_rows(projection, np.zeros(len(projection), projection.dtype), lanes)
        weights = call.program.weights(packed, f"{call.node.name}_projection")
        call.emit("ern_linear_f32", h_next, 1, op.hidden_size, weights, call.result(0), op.proj_size)


@workspace.register
def _(op: Lstm, node: Node, graph: Graph) -> int:
    return op.hidden_size if op.proj_size else 0


@in_place.register
def _(op: Lstm, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(2, 1)]


@lower.register
def _(op: Gru, call: Call) -> None:
    call.require_float()
    if lower_weights8.gru(op, call):
        return
    packed = pack_gru(call.array(2), call.array(3), call.array(4), call.array(5), call.program.lanes)
    weights = call.program.weights(packed, f"{call.node.name}_weights")
    call.emit(
        "ern_gru_f32",
        call.operand(0),
        call.type_in(0).size,
        call.operand(1),
        op.hidden_size,
        weights,
        call.result(),
    )


@lower.register
def _(op: Rnn, call: Call) -> None:
    call.require_float()
    if lower_weights8.rnn(op, call):
        return
    packed = pack_rows(np.concatenate([call.array(2), call.array(3)], axis=1), call.array(4), call.program.lanes)
    weights = call.program.weights(packed, f"{call.node.name}_weights")
    call.emit(
        f"ern_rnn_{op.nonlinearity}_f32", call.operand(0), call.type_in(0).size, call.operand(1),
        op.hidden_size, weights, call.result(), file="ern_rnn_f32.c",
    )  # fmt: skip
