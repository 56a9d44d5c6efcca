"""Transforms to frequencies, and what is made of them, as kernel calls."""

from __future__ import annotations

import math

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ops import BandedLinear, Rfft, SquaredMagnitude
from edgernn.ops.rfft import dft_matrix, factors, twiddles
from edgernn.runtime.kernels import transforms
from edgernn.runtime.kernels.lower_products import rows_by_matrix
from edgernn.runtime.kernels.program import Program, expect_floats


def rfft(op: Rfft, node: Node, program: Program) -> None:
    """The fast transform, or a product with a matrix for sizes that it does not have."""
    expect_floats(node, program)
    x, radices = program.graph.values[node.inputs[0]], factors(op.size)
    if not radices:
        rows = dft_matrix(op.size, x.shape[-1]).astype(np.float32)
        rows_by_matrix(node, program, rows, np.zeros(len(rows), np.float32))
        return
    source, target = program.operand(node.inputs[0]), program.result(node.outputs[0])
    program.call(
        transforms.rfft, source, target, math.prod(x.shape[:-1]), x.shape[-1], op.size, program.put_words(radices),
        len(radices), program.put(twiddles(op.size).astype(np.float32)), program.reserve(4 * op.size),
        program.reserve(4 * op.size),
    )  # fmt: skip


def squared_magnitude(op: SquaredMagnitude, node: Node, program: Program) -> None:
    expect_floats(node, program)
    *lead, _, bins = program.graph.values[node.inputs[0]].shape
    source, target = program.operand(node.inputs[0]), program.result(node.outputs[0])
    program.call(transforms.squared_magnitude, source, target, math.prod(lead), bins)


def banded_linear(op: BandedLinear, node: Node, program: Program) -> None:
    x, y = (program.graph.values[name] for name in (node.inputs[0], node.outputs[0]))
    source, *constants = map(program.operand, node.inputs)
    target = program.result(node.outputs[0])
    frames = math.prod(x.shape[:-1])
    program.call(transforms.banded, source, target, frames, x.shape[-1], *constants, y.shape[-1])
