"""Which ops the numba engine runs: the registry of ``lower``."""

from __future__ import annotations

from functools import singledispatch

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Node
from edgernn.ir.op import Op
from edgernn.ops import (
    Binary,
    Concat,
    Embedding,
    Expand,
    Gru,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    Matmul,
    Reduce,
    Reshape,
    Rnn,
    Slice,
    Softmax,
    Transpose,
    Unary,
)  # fmt: skip
from edgernn.runtime.kernels import lower_frames as frames
from edgernn.runtime.kernels import lower_moves as moves
from edgernn.runtime.kernels import lower_products as products
from edgernn.runtime.kernels.program import BACKEND, Program


@singledispatch
def lower(op: Op, node: Node, program: Program) -> None:
    """Append the calls that compute ``node``. Raises UnsupportedOpError for an op that is not registered."""
    raise UnsupportedOpError(BACKEND, op.kind, node.name, source=node.source)


lower.register(Lstm, products.lstm)
lower.register(Gru, products.gru)
lower.register(Rnn, products.rnn)
lower.register(Linear, products.linear)
lower.register(Matmul, products.matmul)
lower.register(Unary, frames.unary)
lower.register(Binary, frames.binary)
lower.register(Reduce, frames.reduce)
lower.register(Softmax, frames.softmax)
lower.register(LogSoftmax, frames.log_softmax)
lower.register(LayerNorm, frames.layer_norm)
lower.register(Embedding, moves.embedding)
lower.register(Reshape, moves.reshape)
lower.register(Transpose, moves.transpose)
lower.register(Expand, moves.expand)
lower.register(Slice, moves.slice_)
lower.register(Concat, moves.concat)
