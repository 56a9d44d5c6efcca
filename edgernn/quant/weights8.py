"""The scheme weights8: a float step program whose matrices are stored in int8, with a scale for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array, Op
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Dequantize, Embedding, Gru, Linear, Lstm, Matmul, Rnn
from edgernn.passes.simplify import drop_dead
from edgernn.quant.weights import best_scales, rounded

SCHEME = "weights8"
LEVELS = 127
MATRICES: dict[type[Op], tuple[int, ...]] = {
    Lstm: (3, 4, 6), Gru: (2, 3), Rnn: (2, 3), Linear: (1,), Embedding: (1,),
}  # fmt: skip
"""Op -> operands that are matrices of weights."""


def quantize_weights(graph: Graph) -> Graph:
    """``graph``, a float32 step program, with the matrices of all layers in int8; all else stays as it is.

    A product with a constant matrix becomes a linear layer, whose rows are the columns of the matrix.
    """
    new = drop_dead(rewrite(rewrite(graph, _linear), _Rule()))
    new.scheme = SCHEME
    check_graph(new)
    return new


def _linear(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
    if not isinstance(node.op, Matmul) or inputs[1] not in builder.graph.constants:
        return None
    matrix = builder.graph.constants[inputs[1]]
    weight = builder.constant(np.ascontiguousarray(matrix.T), f"{inputs[1]}_rows")
    bias = builder.constant(np.zeros(matrix.shape[1], np.float32), f"{node.name}_bias")
    return builder.add(Linear(), [inputs[0], weight, bias], node.name)


class _Rule:
    """Reads matrices from the result of a Dequantize, one for all readers of a matrix."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str]:
        places = MATRICES.get(type(node.op), ())
        operands = [
            self._matrix(name, builder) if k in places and name in builder.graph.constants else name
            for k, name in enumerate(inputs)
        ]
        return builder.add(node.op, operands, node.name)

    def _matrix(self, name: str, builder: Builder) -> str:
        if name not in self.made:
            w, scale = _quantized(builder.graph.constants[name])
            operands = [builder.constant(w, f"{name}_int8"), builder.constant(scale, f"{name}_scale")]
            self.made[name] = builder.add1(Dequantize(), operands, f"{name}_dequantized")
        return self.made[name]


def _quantized(matrix: Array) -> tuple[Array, Array]:
    scale = best_scales(matrix.astype(np.float64), LEVELS).astype(np.float32)
    return rounded(matrix, scale.astype(np.float64), LEVELS), scale
