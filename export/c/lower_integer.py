"""C lowerings of the integer layers that hold weights."""

from __future__ import annotations

import math
from collections.abc import Callable

from edgernn.export.c.lowering import Call, in_place, lower, workspace
from edgernn.export.c.pack_integer import pack_gru, pack_lstm, pack_multipliers, pack_rows, workspace_elements
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops.integer import EmbeddingInt16, GruInt16, LinearInt16, LstmInt16, RnnInt16
from edgernn.ops.integer.tables import SIGMOID, TANH


def _weights(call: Call, pack: Callable[[], Array], hint: str = "weights") -> str:
    """Name of the packed weights."""
    call.program.holds_packed_integers = True
    try:
        packed = pack()
    except ValueError as error:
        raise call.unsupported(str(error)) from None
    return call.program.weights(packed, f"{call.node.name}_{hint}")


def _multipliers(call: Call, *gates: tuple[Array, Array], hint: str = "rows") -> str:
    """Name of the packed multipliers and biases."""
    return call.program.weights(pack_multipliers(gates, call.program.packing), f"{call.node.name}_{hint}")


def _tables(call: Call) -> tuple[str, str]:
    return call.program.weights(SIGMOID, "sigmoid"), call.program.weights(TANH, "tanh")


def _gates(count: int, multiplier: Array, bias: Array) -> list[tuple[Array, Array]]:
    """Those of each gate."""
    return list(zip(multiplier.reshape(count, -1), bias.reshape(count, -1), strict=True))


def _linear_layer(call: Call, weight: Array, multiplier: Array, bias: Array, hint: str) -> str:
    """Address of an ``ern_linear_s16_layer``."""
    outputs, inputs = weight.shape
    fields = [
        inputs,
        outputs,
        _weights(call, lambda: pack_rows([weight], call.program.packing), f"{hint}_weights"),
        _multipliers(call, (multiplier, bias), hint=f"{hint}_rows"),
    ]
    return call.program.record("ern_linear_s16_layer", fields, f"{call.node.name}_{hint}")


@lower.register
def _(op: LinearInt16, call: Call) -> None:
    x = call.type_in(0)
    layer = _linear_layer(call, call.array(1), call.array(2), call.array(3), "layer")
    frames = math.prod(x.shape[:-1])
    call.emit("ern_linear_s16", layer, call.operand(0), frames, call.workspace(), call.result())


@workspace.register
def _(op: LinearInt16, node: Node, graph: Graph) -> int:
    return workspace_elements(graph.values[node.inputs[0]].shape[-1])


@lower.register
def _(op: EmbeddingInt16, call: Call) -> None:
    table = call.type_in(1)
    call.emit(
        "ern_embedding_s16", call.operand(0), call.type_in(0).size, call.operand(1), call.operand(2),
        *table.shape, call.result(),
    )  # fmt: skip


@lower.register
def _(op: LstmInt16, call: Call) -> None:
    packing, out = call.program.packing, op.proj_size or op.hidden_size
    inputs = call.type_in(0).size
    bits, out_shift = op.cell_fraction, 30 - (15 if op.proj_size else op.hidden_fraction)
    fields = [
        inputs, out, op.hidden_size, 15 - bits, max(12 - bits, 0), max(bits - 12, 0), out_shift, 1 << (out_shift - 1),
        _weights(call, lambda: pack_lstm(call.array(3), call.array(4), packing)),
        _multipliers(call, *_gates(4, call.array(5), call.array(6))), *_tables(call),
    ]  # fmt: skip
    layer = call.program.record("ern_lstm_s16_layer", fields, f"{call.node.name}_layer")
    work = call.workspace()
    h_next = f"{work} + {_lstm_vectors(op, inputs)}" if op.proj_size else call.result(0)
    call.emit("ern_lstm_s16", layer, call.operand(0), call.operand(1), call.operand(2), work, h_next, call.result(1))
    if op.proj_size:
        projection = _linear_layer(call, call.array(7), call.array(8), call.array(9), "projection")
        call.emit("ern_linear_s16", projection, h_next, 1, work, call.result(0))


def _lstm_vectors(op: LstmInt16, inputs: int) -> int:
    """Elements of the workspace before the hidden values that are projected."""
    joined = workspace_elements(inputs, op.proj_size or op.hidden_size)
    return max(joined, workspace_elements(op.hidden_size)) if op.proj_size else joined


@workspace.register
def _(op: LstmInt16, node: Node, graph: Graph) -> int:
    vectors = _lstm_vectors(op, graph.values[node.inputs[0]].size)
    return vectors + (op.hidden_size if op.proj_size else 0)


@in_place.register
def _(op: LstmInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0), (1, 0), (2, 1)]


@lower.register
def _(op: GruInt16, call: Call) -> None:
    m_x, b_x, m_h, b_h = (call.array(k) for k in (4, 5, 6, 7))
    fields = [
        call.type_in(0).size, op.hidden_size, op.shift,
        _weights(call, lambda: pack_gru(call.array(2), call.array(3), call.program.packing)),
        _multipliers(call, *_gates(3, m_x, b_x), (m_h, b_h)), *_tables(call),
    ]  # fmt: skip
    layer = call.program.record("ern_gru_s16_layer", fields, f"{call.node.name}_layer")
    call.emit("ern_gru_s16", layer, call.operand(0), call.operand(1), call.workspace(), call.result())


@lower.register
def _(op: RnnInt16, call: Call) -> None:
    fields = [
        call.type_in(0).size, op.hidden_size, 15 - op.hidden_fraction,
        _weights(call, lambda: pack_rows([call.array(2), call.array(3)], call.program.packing)),
        _multipliers(call, (call.array(4), call.array(5))), call.program.weights(TANH, "tanh"),
    ]  # fmt: skip
    layer = call.program.record("ern_rnn_s16_layer", fields, f"{call.node.name}_layer")
    call.emit(
        f"ern_rnn_{op.nonlinearity}_s16", layer, call.operand(0), call.operand(1), call.workspace(), call.result(),
        file="ern_rnn_s16.c",
    )  # fmt: skip


def _recurrent_workspace(op: GruInt16 | RnnInt16, node: Node, graph: Graph) -> int:
    return workspace_elements(graph.values[node.inputs[0]].size, op.hidden_size)


def _recurrent_in_place(op: GruInt16 | RnnInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0), (1, 0)]


for _op in (GruInt16, RnnInt16):
    workspace.register(_op, _recurrent_workspace)
    in_place.register(_op, _recurrent_in_place)
