"""Matrices that are mostly zeros outside a band of each row are stored and multiplied as bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.rewrite import rewrite
from edgernn.ops import BandedLinear, Binary, Linear, Matmul
from edgernn.ops.banded_linear import bands

LARGEST_SHARE = 0.4
SMALLEST_SIZE = 256
"""Share of the entries that the bands may have, and entries of a matrix from which on it is worth it."""


def use_bands(graph: Graph) -> Graph:
    """``graph`` with BandedLinear where that saves most of a matrix of weights."""
    return rewrite(graph, _rule)


def _rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
    constants = builder.graph.constants
    if not isinstance(node.op, Linear | Matmul) or inputs[1] not in constants or inputs[0] in constants:
        return None
    matrix = constants[inputs[1]]
    if matrix.ndim != 2 or matrix.size < SMALLEST_SIZE:
        return None
    weights, starts, lengths = bands(matrix if isinstance(node.op, Linear) else matrix.T)
    if weights.size > LARGEST_SHARE * matrix.size:
        return None
    named = (("bands", weights), ("starts", starts), ("lengths", lengths))
    operands = [builder.constant(np.ascontiguousarray(v), f"{node.name}_{hint}") for hint, v in named]
    y = builder.add1(BandedLinear(), [inputs[0], *operands], node.name)
    if isinstance(node.op, Linear) and constants[inputs[2]].any():
        return [builder.add1(Binary("add"), [y, inputs[2]], f"{node.name}_bias")]
    return [y]
