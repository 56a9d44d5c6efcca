"""Matrix products and recurrent cells as kernel calls; packing of their weights."""

from __future__ import annotations

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops import Gru, Linear, Lstm, Matmul, Rnn
from edgernn.runtime.kernels import recurrent
from edgernn.runtime.kernels.program import Place, Program, expect_floats, round_up
from edgernn.runtime.kernels.vectors import LANES


def pack_rows(gates: list[Array]) -> Array:
    """[gate] (rows, columns) -> [block][column][gate][lane], rows filled up with zeros."""
    rows, columns = gates[0].shape
    blocks = blocks_of(rows)
    packed = np.zeros((blocks, columns, len(gates), LANES), np.float32)
    for number, gate in enumerate(gates):
        padded = np.zeros((blocks * LANES, columns), np.float32)
        padded[:rows] = gate
        packed[:, :, number] = padded.reshape(blocks, LANES, columns).transpose(0, 2, 1)
    return packed


def blocks_of(rows: int) -> int:
    """Blocks of LANES rows."""
    return round_up(rows, LANES) // LANES


def _pack_two(first: list[Array], second: list[Array]) -> Array:
    """Columns of two matrices side by side in each block."""
    return np.concatenate([pack_rows(first), pack_rows(second)], axis=1)


def _pack_bias(gates: list[Array]) -> Array:
    return pack_rows([gate[:, None] for gate in gates])


def _affine(
    program: Program, x: Place, n_x: int, h: Place, n_h: int,
    w: Array, bias: Array, y: Place, activation: str = "none",
) -> None:  # fmt: skip
    program.call(
        recurrent.affine, x, n_x, h, n_h, program.put(w), program.put(_pack_bias([bias])), y,
        blocks_of(len(bias)), recurrent.ACTIVATIONS.index(activation),
    )  # fmt: skip


def lstm(op: Lstm, node: Node, program: Program) -> None:
    expect_floats(node, program)
    x, h, c = node.inputs[:3]
    w_ih, w_hh, bias, *w_hr = (program.weight(node, name) for name in node.inputs[3:])
    hidden, out = op.hidden_size, op.proj_size or op.hidden_size
    weights = _pack_two(np.split(w_ih, 4), np.split(w_hh, 4))
    h_next, c_next = program.result(node.outputs[0]), program.result(node.outputs[1])
    wide = program.reserve(4 * hidden) if w_hr else h_next
    program.call(
        recurrent.lstm, program.operand(x), w_ih.shape[1], program.operand(h), out, program.operand(c),
        program.put(weights), program.put(_pack_bias(np.split(bias, 4))), wide, c_next, blocks_of(hidden),
    )  # fmt: skip
    if w_hr:
        no_bias = np.zeros(out, np.float32)
        _affine(program, wide, hidden, wide, 0, pack_rows(w_hr), no_bias, h_next)


def gru(op: Gru, node: Node, program: Program) -> None:
    expect_floats(node, program)
    x, h = node.inputs[:2]
    w_ih, w_hh, b_ih, b_hh = (program.weight(node, name) for name in node.inputs[2:])
    (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(b_ih, 3), np.split(b_hh, 3)
    program.call(
        recurrent.gru, program.operand(x), w_ih.shape[1], program.operand(h), op.hidden_size,
        program.put(_pack_two(np.split(w_ih, 3), np.split(w_hh, 3))),
        program.put(_pack_bias([r_x + r_h, z_x + z_h, n_x, n_h])),
        program.result(node.outputs[0]), blocks_of(op.hidden_size),
    )  # fmt: skip


def rnn(op: Rnn, node: Node, program: Program) -> None:
    expect_floats(node, program)
    x, h = (program.operand(name) for name in node.inputs[:2])
    w_ih, w_hh, bias = (program.weight(node, name) for name in node.inputs[2:])
    y = program.result(node.outputs[0])
    _affine(program, x, w_ih.shape[1], h, op.hidden_size, _pack_two([w_ih], [w_hh]), bias, y, op.nonlinearity)


def linear(op: Linear, node: Node, program: Program) -> None:
    expect_floats(node, program)
    w, bias = (program.weight(node, name) for name in node.inputs[1:])
    rows_by_matrix(node, program, w, bias)


def rows_by_matrix(node: Node, program: Program, w: Array, bias: Array) -> None:
    """x @ w.T + bias of all rows of the first operand."""
    name = node.inputs[0]
    x, columns = program.operand(name), w.shape[1]
    rows = program.graph.values[name].size // columns
    y, packed = program.result(node.outputs[0]), pack_rows([w])
    if rows == 1:
        _affine(program, x, columns, x, 0, packed, bias, y)
        return
    program.call(
        recurrent.affine_rows, x, rows, columns, program.put(packed), program.put(_pack_bias([bias])), y,
        len(w), blocks_of(len(w)),
    )  # fmt: skip


def matmul(op: Matmul, node: Node, program: Program) -> None:
    expect_floats(node, program)
    a, b = program.graph.types(node.inputs)
    if node.inputs[1] in program.graph.constants and node.inputs[0] not in program.graph.constants:
        w = program.weight(node, node.inputs[1]).T
        rows_by_matrix(node, program, w, np.zeros(len(w), np.float32))
        return
    (m, k), n = a.shape[-2:], b.shape[-1]
    products = program.graph.values[node.outputs[0]].size // (m * n)
    a_step, b_step = (m * k if len(a.shape) > 2 else 0), (k * n if len(b.shape) > 2 else 0)
    program.call(
        recurrent.matrix_product, *map(program.operand, node.inputs), program.result(node.outputs[0]),
        products, m, k, n, a_step, b_step,
    )  # fmt: skip
