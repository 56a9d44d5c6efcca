"""C lowerings of the integer layers that hold weights."""

from __future__ import annotations

import math
from collections.abc import Callable

from edgernn.export.c import pack_nibbles
from edgernn.export.c.lowering import Call, in_place, lower, workspace
from edgernn.export.c.pack_integer import pack_gru, pack_lstm, pack_multipliers, pack_rows, workspace_elements
from edgernn.ir import nibbles
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops.integer import EmbeddingInt16, GruInt16, LinearInt16, LstmInt16, RnnInt16
from edgernn.ops.integer.tables import SIGMOID, TANH


def _weights(call: Call, pack: Callable[[], Array], hint: str = "weights") -> str:
    """Name of the packed weights."""
    call.program.shared.holds_packed_integers = True
    try:
        packed = pack()
    except ValueError as error:
        raise call.unsupported(str(error)) from None
    return call.program.weights(packed, f"{call.node.name}_{hint}")


def _multipliers(call: Call, *gates: tuple[Array, Array], hint: str = "rows") -> str:
    """Name of the packed multipliers and biases."""
    return call.program.weights(pack_multipliers(gates, call.program.packing), f"{call.node.name}_{hint}")


def _width(call: Call) -> str:
    """How names of kernels end, after the dtype of the first operand."""
    return {"int8": "s8", "int16": "s16"}[call.type_in(0).dtype]


def _four_bits(call: Call, *operands: int) -> bool:
    """Whether these matrices, whose rows are summed together, are packed in four bits."""
    packing, matrices = call.program.packing, [call.array(k) for k in operands]
    return call.type_in(0).dtype == "int16" and pack_nibbles.can_pack(packing, *matrices)


def _emit(call: Call, layer: str, four_bits: bool, *arguments: object, function: str = "") -> None:
    """Append a call of a layer's kernel; ``function`` is what its name begins with, unless it is the layer's."""
    width = _width(call)
    name = f"ern_{function or layer}_{width}"
    if four_bits:
        call.emit(f"{name}_w4", *arguments, file=f"ern_{layer}_w4.c")
    else:
        call.emit(name, *arguments, file=_file(call, layer))


def _file(call: Call, layer: str) -> str:
    """The file of the kernels of this layer, for the packing of the weights."""
    simd = call.program.packing.simd
    extension = f"_{simd}" if simd in ("words", "helium", "dot") else ""
    return f"ern_{layer}{extension}_{_width(call)}.c"


def _tables(call: Call) -> tuple[str, str]:
    return call.program.weights(SIGMOID, "sigmoid"), call.program.weights(TANH, "tanh")


def _gates(count: int, multiplier: Array, bias: Array) -> list[tuple[Array, Array]]:
    """Those of each gate."""
    return list(zip(multiplier.reshape(count, -1), bias.reshape(count, -1), strict=True))


def _rows(call: Call, *operands: int) -> Callable[[], Array]:
    """Packs rows over the operands, side by side."""
    packing, matrices = call.program.packing, [call.array(k) for k in operands]
    if _four_bits(call, *operands):
        return lambda: pack_nibbles.pack_rows(matrices, packing)
    return lambda: pack_rows(matrices, packing, call.type_in(0).dtype)


def _linear_layer(call: Call, operand: int, pre_shift: int, hint: str) -> str:
    """Address of an ``ern_linear_s16_layer``: weight, multipliers and biases are the operands from this one on."""
    outputs, inputs = call.array(operand).shape
    fields = [
        inputs,
        outputs,
        pre_shift,
        _weights(call, _rows(call, operand), f"{hint}_weights"),
        _multipliers(call, (call.array(operand + 1), call.array(operand + 2)), hint=f"{hint}_rows"),
    ]
    return call.program.record("ern_linear_s16_layer", fields, f"{call.node.name}_{hint}")


@lower.register
def _(op: LinearInt16, call: Call) -> None:
    x = call.type_in(0)
    layer = _linear_layer(call, 1, op.pre_shift, "layer")
    frames = math.prod(x.shape[:-1])
    arguments = [layer, call.operand(0), frames, call.workspace(), call.result()]
    if op.dtype == x.dtype:
        _emit(call, "linear", _four_bits(call, 1), *arguments)
    else:
        call.emit("ern_linear_s8_s16", *arguments, file=_file(call, "linear"))


@workspace.register
def _(op: LinearInt16, node: Node, graph: Graph) -> tuple[str, int]:
    return "int16", workspace_elements(graph.values[node.inputs[0]].shape[-1])


@lower.register
def _(op: EmbeddingInt16, call: Call) -> None:
    table = call.type_in(1)
    if op.dtype == "int16" and nibbles.fits(call.array(1)):
        packed = call.program.weights(pack_nibbles.pack_table(call.array(1)), f"{call.node.name}_table")
        call.emit(
            "ern_embedding_s16_w4", call.operand(0), call.type_in(0).size, packed, call.operand(2), *table.shape,
            call.result(), file="ern_embedding_w4.c",
        )  # fmt: skip
        return
    call.emit(
        "ern_embedding_s16" if op.dtype == "int16" else "ern_embedding_s8", call.operand(0), call.type_in(0).size,
        call.operand(1), call.operand(2), *table.shape, call.result(), file="ern_embedding_s16.c",
    )  # fmt: skip


@lower.register
def _(op: LstmInt16, call: Call) -> None:
    packing, out, inputs = call.program.packing, op.proj_size or op.hidden_size, call.type_in(0).size
    w_x, w_h, four_bits = call.array(3), call.array(4), _four_bits(call, 3, 4)
    bits, out_shift = op.cell_fraction, 30 - op.hidden_fraction
    fields = [
        inputs, out, op.hidden_size, 15 - bits, max(12 - bits, 0), max(bits - 12, 0), out_shift, op.pre_shift,
        1 << (out_shift - 1),
        _weights(call, lambda: pack_nibbles.pack_lstm(w_x, w_h, packing) if four_bits
                 else pack_lstm(w_x, w_h, packing, call.type_in(0).dtype)),
        _multipliers(call, *_gates(4, call.array(5), call.array(6))), *_tables(call),
    ]  # fmt: skip
    layer = call.program.record("ern_lstm_s16_layer", fields, f"{call.node.name}_layer")
    work, h_next = call.workspace(), call.result(0)
    if op.proj_size:
        h_next = f"{work} + {_lstm_vectors(op, inputs)}"
        h_next = h_next if _width(call) == "s16" else f"(int8_t *)({h_next})"
    operands = [call.operand(k) for k in range(3)]
    _emit(call, "lstm", four_bits, layer, *operands, work, h_next, call.result(1))
    if op.proj_size:
        projection = _linear_layer(call, 7, op.projection_shift, "projection")
        _emit(call, "linear", _four_bits(call, 7), projection, h_next, 1, work, call.result(0))


def _lstm_vectors(op: LstmInt16, inputs: int) -> int:
    """Elements of the workspace before the hidden values that are projected."""
    joined = workspace_elements(inputs, op.proj_size or op.hidden_size)
    return max(joined, workspace_elements(op.hidden_size)) if op.proj_size else joined


@workspace.register
def _(op: LstmInt16, node: Node, graph: Graph) -> tuple[str, int]:
    vectors = _lstm_vectors(op, graph.values[node.inputs[0]].size)
    return "int16", vectors + (op.hidden_size if op.proj_size else 0)


@in_place.register
def _(op: LstmInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0), (1, 0), (2, 1)]


@lower.register
def _(op: GruInt16, call: Call) -> None:
    w_x, w_h, m_x, b_x, m_h, b_h = (call.array(k) for k in (2, 3, 4, 5, 6, 7))
    packing, four_bits = call.program.packing, _four_bits(call, 2, 3)
    fields = [
        call.type_in(0).size, op.hidden_size, op.shift, op.pre_shift,
        _weights(call, lambda: pack_nibbles.pack_gru(w_x, w_h, packing) if four_bits
                 else pack_gru(w_x, w_h, packing, call.type_in(0).dtype)),
        _multipliers(call, *_gates(3, m_x, b_x), (m_h, b_h)), *_tables(call),
    ]  # fmt: skip
    layer = call.program.record("ern_gru_s16_layer", fields, f"{call.node.name}_layer")
    _emit(call, "gru", four_bits, layer, call.operand(0), call.operand(1), call.workspace(), call.result())


@lower.register
def _(op: RnnInt16, call: Call) -> None:
    fields = [
        call.type_in(0).size, op.hidden_size, 15 - op.hidden_fraction, op.pre_shift,
        _weights(call, _rows(call, 2, 3)),
        _multipliers(call, (call.array(4), call.array(5))), call.program.weights(TANH, "tanh"),
    ]  # fmt: skip
    layer = call.program.record("ern_rnn_s16_layer", fields, f"{call.node.name}_layer")
    arguments = [layer, call.operand(0), call.operand(1), call.workspace(), call.result()]
    _emit(call, "rnn", _four_bits(call, 2, 3), *arguments, function=f"rnn_{op.nonlinearity}")


def _recurrent_workspace(op: GruInt16 | RnnInt16, node: Node, graph: Graph) -> tuple[str, int]:
    return "int16", workspace_elements(graph.values[node.inputs[0]].size, op.hidden_size)


def _recurrent_in_place(op: GruInt16 | RnnInt16, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0), (1, 0)]


for _op in (GruInt16, RnnInt16):
    workspace.register(_op, _recurrent_workspace)
    in_place.register(_op, _recurrent_in_place)
