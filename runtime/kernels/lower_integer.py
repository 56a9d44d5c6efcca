"""Ops of integer models as kernel calls; packing of their weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops.integer import (
    AddInt16,
    ClipInt16,
    DivInt16,
    EmbeddingInt16,
    GruInt16,
    LayerNormInt16,
    LinearInt16,
    LogPowerInt16,
    LogSoftmaxInt16,
    LstmInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    MulInt16,
    ReduceInt16,
    RescaleInt16,
    RnnInt16,
    SoftmaxInt16,
    TableInt16,
)  # fmt: skip
from edgernn.ops.integer.arithmetic import GATE_FRACTION
from edgernn.ops.integer.tables import EXP_MINUS, LOG_1_PLUS, SIGMOID, TANH
from edgernn.runtime.kernels import integer_elementwise as elementwise
from edgernn.runtime.kernels import integer_products as products
from edgernn.runtime.kernels import integer_rows as rows
from edgernn.runtime.kernels.integer_lanes import pack_rows, pack_vectors
from edgernn.runtime.kernels.lower_moves import permuted, strided
from edgernn.runtime.kernels.program import Place, Program
from edgernn.runtime.kernels.strides import broadcast_strides
from edgernn.runtime.kernels.vectors import LANES


def _half(shift: int) -> int:
    """What is added before a shift to the right, so that it rounds."""
    return 1 << (shift - 1) if shift else 0


def _blocks(count: int) -> int:
    return -(-count // LANES)


def _pairs(count: int) -> int:
    return -(-count // 2)


def _pack_two(first: Sequence[Array], second: Sequence[Array]) -> Array:
    """Columns of two matrices side by side in each block."""
    return np.concatenate([pack_rows(list(first)), pack_rows(list(second))], axis=1)


def wide(program: Program, name: str) -> Place:
    """Where a value is as int16."""
    value, place = program.graph.values[name], program.operand(name)
    if value.dtype == "int16":
        return place
    target = program.reserve(2 * value.size)
    program.call(elementwise.widen_int8, place, target, value.size)
    return target


class _Result:
    """Where a kernel writes a result as int16, and what makes int8 of it where that is its dtype."""

    def __init__(self, program: Program, name: str) -> None:
        self.program, self.value = program, program.graph.values[name]
        self.own = program.result(name)
        self.wide = self.own if self.value.dtype == "int16" else program.reserve(2 * self.value.size)

    def close(self) -> None:
        """To be called after the kernel."""
        if self.value.dtype == "int8":
            self.program.call(elementwise.narrow_int16, self.wide, self.own, self.value.size)


def lstm(op: LstmInt16, node: Node, program: Program) -> None:
    x, h, c = (wide(program, name) for name in node.inputs[:3])
    w_x, w_h, multiplier, bias, *projection = (program.weight(node, name) for name in node.inputs[3:])
    hidden, out = op.hidden_size, op.proj_size or op.hidden_size
    h_next, c_next = _Result(program, node.outputs[0]), program.result(node.outputs[1])
    full = program.reserve(2 * hidden) if projection else h_next.wide
    shift = 30 - op.hidden_fraction
    to_gate = op.cell_fraction - GATE_FRACTION
    program.call(
        products.lstm_int16, x, _pairs(w_x.shape[1]), h, _pairs(out), c,
        program.put(_pack_two(np.split(w_x, 4), np.split(w_h, 4))),
        program.put(pack_vectors(np.split(multiplier, 4))), program.put(pack_vectors(np.split(bias, 4))),
        program.shared(SIGMOID), program.shared(TANH), full, c_next, _blocks(hidden),
        15 - op.cell_fraction, max(-to_gate, 0), max(to_gate, 0), shift, _half(shift), op.pre_shift,
    )  # fmt: skip
    if projection:
        w, m, b = projection
        if program.graph.values[node.inputs[0]].dtype == "int8":
            program.call(elementwise.clip_int16, full, full, hidden, -128, 127)
        _affine(program, full, hidden, full, 0, pack_rows([w]), m, b, h_next.wide, pre_shift=op.projection_shift)
    h_next.close()


def gru(op: GruInt16, node: Node, program: Program) -> None:
    x, h = (wide(program, name) for name in node.inputs[:2])
    w_x, w_h, m_x, b_x, m_h, b_h = (program.weight(node, name) for name in node.inputs[2:])
    hidden, k, is_narrow = op.hidden_size, h, program.graph.values[node.inputs[0]].dtype == "int8"
    if op.shift or is_narrow:
        k = program.reserve(2 * hidden)
        program.call(products.halved_int16, h, k, hidden, op.shift, _half(op.shift))
    if is_narrow:
        program.call(elementwise.clip_int16, k, k, hidden, -128, 127)
    program.call(
        products.gru_int16, x, _pairs(w_x.shape[1]), h, k, _pairs(hidden),
        program.put(_pack_two(np.split(w_x, 3), np.split(w_h, 3))),
        *(program.put(pack_vectors([*np.split(three, 3), one])) for three, one in ((m_x, m_h), (b_x, b_h))),
        program.shared(SIGMOID), program.shared(TANH), program.result(node.outputs[0]), _blocks(hidden), op.pre_shift,
    )  # fmt: skip


def rnn(op: RnnInt16, node: Node, program: Program) -> None:
    x, h = (wide(program, name) for name in node.inputs[:2])
    w_x, w_h, multiplier, bias = (program.weight(node, name) for name in node.inputs[2:])
    packed, y = _pack_two([w_x], [w_h]), _Result(program, node.outputs[0])
    activation = op.nonlinearity, 15 - op.hidden_fraction, op.pre_shift
    _affine(program, x, w_x.shape[1], h, op.hidden_size, packed, multiplier, bias, y.wide, *activation)
    y.close()


def _affine(
    program: Program, x: Place, n_x: int, h: Place, n_h: int, w: Array, multiplier: Array, bias: Array, y: Place,
    activation: str = "none", shift: int = 0, pre_shift: int = 0,
) -> None:  # fmt: skip
    program.call(
        products.affine_int16, x, _pairs(n_x), h, _pairs(n_h), program.put(w), program.put(pack_vectors([multiplier])),
        program.put(pack_vectors([bias])), y, _blocks(len(bias)), products.ACTIVATIONS.index(activation),
        program.shared(TANH), shift, _half(shift), pre_shift,
    )  # fmt: skip


def linear(op: LinearInt16, node: Node, program: Program) -> None:
    w, multiplier, bias = (program.weight(node, name) for name in node.inputs[1:])
    x, columns = wide(program, node.inputs[0]), w.shape[1]
    count = program.graph.values[node.inputs[0]].size // columns
    y = _Result(program, node.outputs[0])
    if count == 1:
        _affine(program, x, columns, x, 0, pack_rows([w]), multiplier, bias, y.wide, pre_shift=op.pre_shift)
    else:
        program.call(
            products.affine_rows_int16, x, count, columns, program.put(pack_rows([w])),
            program.put(pack_vectors([multiplier])), program.put(pack_vectors([bias])), y.wide, len(w),
            _blocks(len(w)), op.pre_shift,
        )  # fmt: skip
    y.close()


def matmul(op: MatmulInt16, node: Node, program: Program) -> None:
    a, b = program.graph.types(node.inputs)
    (m, k), n = a.shape[-2:], b.shape[-1]
    count = program.graph.values[node.outputs[0]].size // (m * n)
    a_step, b_step = (m * k if len(a.shape) > 2 else 0), (k * n if len(b.shape) > 2 else 0)
    program.call(
        products.matrix_product_int16, *map(program.operand, node.inputs), program.result(node.outputs[0]),
        count, m, k, n, a_step, b_step, op.multiplier,
    )  # fmt: skip


def embedding(op: EmbeddingInt16, node: Node, program: Program) -> None:
    indices, table = program.graph.types(node.inputs[:2])
    y = _Result(program, node.outputs[0])
    program.call(
        elementwise.embedding_int16, *map(program.operand, node.inputs), y.wide, indices.size, *table.shape
    )  # fmt: skip
    y.close()


def _pair_of_operands(node: Node, program: Program) -> tuple[Place, Place, Place, int]:
    """Both operands in the shape of the result (constants are repeated now, others in each step); y; its size."""
    shape = program.graph.values[node.outputs[0]].shape
    a, b = (_broadcast(program, name, shape) for name in node.inputs)
    return a, b, program.result(node.outputs[0]), math.prod(shape)


def _broadcast(program: Program, name: str, shape: tuple[int, ...]) -> Place:
    own = program.graph.values[name].shape
    if own == shape:
        return program.operand(name)
    if name in program.graph.constants:
        return program.put(np.broadcast_to(program.graph.constants[name], shape))
    return strided(program, program.operand(name), shape, broadcast_strides(own, shape), "int16")


def add(op: AddInt16, node: Node, program: Program) -> None:
    function = elementwise.PAIR_FUNCTIONS.index(op.function)
    operands = _pair_of_operands(node, program)
    program.call(elementwise.add_int16, *operands, function, op.multiplier_a, op.multiplier_b, op.shift)


def mul(op: MulInt16, node: Node, program: Program) -> None:
    program.call(elementwise.mul_int16, *_pair_of_operands(node, program), op.multiplier)


def div(op: DivInt16, node: Node, program: Program) -> None:
    program.call(elementwise.div_int16, *_pair_of_operands(node, program), op.multiplier, op.shift)


def _one_operand(node: Node, program: Program) -> tuple[Place, Place, int]:
    size = program.graph.values[node.inputs[0]].size
    return program.operand(node.inputs[0]), program.result(node.outputs[0]), size


def rescale(op: RescaleInt16, node: Node, program: Program) -> None:
    x, y = wide(program, node.inputs[0]), _Result(program, node.outputs[0])
    program.call(elementwise.rescale_int16, x, y.wide, y.value.size, op.multiplier, op.shift, _half(op.shift))
    y.close()


def clip(op: ClipInt16, node: Node, program: Program) -> None:
    program.call(elementwise.clip_int16, *_one_operand(node, program), op.low, op.high)


def table(op: TableInt16, node: Node, program: Program) -> None:
    lines = program.shared(program.weight(node, node.inputs[1]))
    program.call(elementwise.table_int16, *_one_operand(node, program), lines)


def _rows(node: Node, program: Program) -> tuple[Place, Place, int, int]:
    """Operand, result, rows along the last axis, elements of a row."""
    x = program.graph.values[node.inputs[0]]
    columns = x.shape[-1]
    return program.operand(node.inputs[0]), program.result(node.outputs[0]), x.size // columns, columns


def layer_norm(op: LayerNormInt16, node: Node, program: Program) -> None:
    x, y, count, columns = _rows(node, program)
    gain, bias = (program.operand(name) for name in node.inputs[1:])
    place = program.reserve(8 * columns)
    program.call(rows.layer_norm_int16, x, y, count, columns, gain, bias, op.epsilon, place)


def softmax(op: SoftmaxInt16, node: Node, program: Program) -> None:
    program.call(rows.softmax_int16, *_rows(node, program), op.multiplier, op.shift, program.shared(EXP_MINUS))


def masked_softmax(op: MaskedSoftmaxInt16, node: Node, program: Program) -> None:
    program.call(
        rows.masked_softmax_int16, *_rows(node, program), op.multiplier, op.shift, program.shared(EXP_MINUS),
        program.operand(node.inputs[1]),
    )  # fmt: skip


def log_softmax(op: LogSoftmaxInt16, node: Node, program: Program) -> None:
    program.call(
        rows.log_softmax_int16, *_rows(node, program), op.multiplier, op.shift, program.shared(EXP_MINUS),
        op.gain, op.log_gain, program.shared(LOG_1_PLUS),
    )  # fmt: skip


def log_power(op: LogPowerInt16, node: Node, program: Program) -> None:
    a, y, frames, bins = _rows(node, program)
    others = [program.operand(name) for name in node.inputs[1:]]
    bands = program.graph.values[node.outputs[0]].shape[-1]
    program.call(
        rows.log_power_int16, a, y, frames, bins, *others, bands, op.offset, op.floor, op.gain, op.bias,
        program.shared(LOG_1_PLUS),
    )  # fmt: skip


def reduce(op: ReduceInt16, node: Node, program: Program) -> None:
    """The reduced axes are brought to the end, where they form rows."""
    x = program.graph.values[node.inputs[0]]
    rank = len(x.shape)
    reduced = sorted(rank + axis for axis in set(op.axes))
    kept = [axis for axis in range(rank) if axis not in reduced]
    count = math.prod(x.shape[axis] for axis in reduced)
    source = permuted(program, program.operand(node.inputs[0]), x.shape, [*kept, *reduced], x.dtype)
    kind = rows.REDUCTIONS.index(op.function)
    program.call(
        rows.reduce_int16, source, program.result(node.outputs[0]), x.size // count, count, kind, op.multiplier
    )  # fmt: skip
