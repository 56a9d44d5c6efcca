"""C of float layers whose matrices are stored in int8. Each function says whether it has emitted its layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgernn.export.c.lowering import Call
from edgernn.export.c.pack_weights8 import pack_gates, pack_linear, pack_vectors
from edgernn.ir.op import Array
from edgernn.ops import Gru, Lstm, Rnn
from edgernn.ops.dequantize import QuantizedMatrix


def matrices(call: Call, *operands: int) -> list[QuantizedMatrix] | None:
    """These operands, or None unless all of them are stored in int8."""
    found = [call.program.quantized.get(call.node.inputs[k]) for k in operands]
    return [m for m in found if m is not None] if None not in found else None


def _scales(found: Sequence[QuantizedMatrix], gates: int) -> list[Array]:
    return [scale for m in found for scale in np.split(m.scale, gates)]


def _put(call: Call, weights: Array, rows: Array, hint: str = "") -> tuple[str, str]:
    """Names of the weights, and of the biases and scales."""
    name = f"{call.node.name}{hint}"
    return call.program.weights(weights, f"{name}_weights"), call.program.weights(rows, f"{name}_rows")


def _gates(call: Call, found: Sequence[QuantizedMatrix], gates: int, biases: Sequence[Array]) -> tuple[str, str]:
    lanes = call.program.lanes
    vectors = [*biases, *_scales(found, gates)]
    return _put(call, pack_gates(gates, found, lanes), pack_vectors(vectors, lanes))


def linear(call: Call, matrix: QuantizedMatrix, bias: Array) -> None:
    """A linear layer of the first operand."""
    x = call.type_in(0)
    names = _put(call, *pack_linear(matrix, bias, call.program.lanes))
    call.emit("ern_linear_w8", call.operand(0), math.prod(x.shape[:-1]), x.shape[-1], *names, call.result(), len(bias))


def lstm(op: Lstm, call: Call) -> bool:
    found = matrices(call, *((3, 4, 6) if op.proj_size else (3, 4)))
    if found is None:
        return False
    h_next = call.workspace() if op.proj_size else call.result(0)
    call.emit(
        "ern_lstm_w8", call.operand(0), call.type_in(0).size, call.operand(1), call.type_in(1).size, call.operand(2),
        op.hidden_size, *_gates(call, found[:2], 4, np.split(call.array(5), 4)), h_next, call.result(1),
    )  # fmt: skip
    if op.proj_size:
        packed = pack_linear(found[2], np.zeros(op.proj_size, np.float32), call.program.lanes)
        names = _put(call, *packed, "_projection")
        call.emit("ern_linear_w8", h_next, 1, op.hidden_size, *names, call.result(0), op.proj_size)
    return True


def gru(op: Gru, call: Call) -> bool:
    found = matrices(call, 2, 3)
    if found is None:
        return False
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (np.split(call.array(k), 3) for k in (4, 5))
    call.emit(
        "ern_gru_w8", call.operand(0), call.type_in(0).size, call.operand(1), op.hidden_size,
        *_gates(call, found, 3, [r_x + r_h, z_x + z_h, n_x, n_h]), call.result(),
    )  # fmt: skip
    return True


def rnn(op: Rnn, call: Call) -> bool:
    found = matrices(call, 2, 3)
    if found is None:
        return False
    call.emit(
        f"ern_rnn_{op.nonlinearity}_w8", call.operand(0), call.type_in(0).size, call.operand(1), op.hidden_size,
        *_gates(call, found, 1, [call.array(4)]), call.result(), file="ern_rnn_w8.c",
    )  # fmt: skip
    return True


def embedding(call: Call) -> bool:
    found = matrices(call, 1)
    if found is None:
        return False
    table, scales = (call.program.weights(a, f"{call.node.name}_{n}") for a, n in
                     ((found[0].w, "table"), (found[0].scale, "scales")))  # fmt: skip
    rows, columns = found[0].w.shape
    call.emit("ern_embedding_w8", call.operand(0), call.type_in(0).size, table, scales, rows, columns, call.result())
    return True
