"""C lowerings of matrix products and look-up."""

from __future__ import annotations

import math

import numpy as np

from edgernn.export.c import lower_weights8
from edgernn.export.c.lowering import Call, lower
from edgernn.export.c.pack import pack_rows
from edgernn.ir.op import Array
from edgernn.ops import Embedding, Linear, Matmul


def _linear(call: Call, weight: Array, bias: Array) -> None:
    x = call.type_in(0)
    packed = call.program.weights(pack_rows(weight, bias, call.program.lanes), f"{call.node.name}_weights")
    frames, inputs = math.prod(x.shape[:-1]), x.shape[-1]
    call.emit("ern_linear_f32", call.operand(0), frames, inputs, packed, call.result(), len(weight))


@lower.register
def _(op: Linear, call: Call) -> None:
    call.require_float()
    found = lower_weights8.matrices(call, 1)
    if found is not None:
        lower_weights8.linear(call, found[0], call.array(2))
        return
    _linear(call, call.array(1), call.array(2))


@lower.register
def _(op: Matmul, call: Call) -> None:
    call.require_float()
    if call.node.inputs[1] in call.graph.constants:
        weight = np.ascontiguousarray(call.array(1).T)
        _linear(call, weight, np.zeros(len(weight), weight.dtype))
        return
    a, b = call.type_in(0).shape, call.type_in(1).shape
    batch = math.prod(call.type_out().shape[:-2])
    a_step, b_step = (math.prod(s[-2:]) if len(s) > 2 else 0 for s in (a, b))
    call.emit(
        "ern_matmul_f32",
        call.operand(0),
        a_step,
        call.operand(1),
        b_step,
        call.result(),
        batch,
        a[-2],
        a[-1],
        b[-1],
    )


@lower.register
def _(op: Embedding, call: Call) -> None:
    if lower_weights8.embedding(call):
        return
    rows, columns = call.type_in(1).shape
    kernels = {"float32": "ern_embedding_f32", "int16": "ern_take_s16"}
    dtype = call.type_in(1).dtype
    if dtype not in kernels:
        raise call.unsupported(f"the table is {dtype}; there are kernels for {', '.join(kernels)}")
    call.emit(
        kernels[dtype],
        call.operand(0),
        call.type_in(0).size,
        call.operand(1),
        rows,
        columns,
        call.result(),
        file="ern_embedding_f32.c" if dtype == "float32" else "ern_embedding_s16.c",
    )
