"""The ops, one file each. ``OPS`` maps the kind that stands in files to the class."""

from __future__ import annotations

from edgernn.ir.op import Op
from edgernn.ops.binary import Binary
from edgernn.ops.embedding import Embedding
from edgernn.ops.gru import Gru
from edgernn.ops.integer import INTEGER_OPS
from edgernn.ops.last import Last
from edgernn.ops.layer_norm import LayerNorm
from edgernn.ops.linear import Linear
from edgernn.ops.lstm import Lstm
from edgernn.ops.matmul import Matmul
from edgernn.ops.reduce import Reduce
from edgernn.ops.rnn import Rnn
from edgernn.ops.shape import Concat, Expand, Reshape, Slice, Transpose
from edgernn.ops.softmax import LogSoftmax, Softmax
from edgernn.ops.unary import Unary

FLOAT_OPS: tuple[type[Op], ...] = (
    Binary, Concat, Embedding, Expand, Gru, Last, LayerNorm, Linear, LogSoftmax, Lstm,
    Matmul, Reduce, Reshape, Rnn, Slice, Softmax, Transpose, Unary,
)  # fmt: skip
OPS: dict[str, type[Op]] = {op.kind: op for op in (*FLOAT_OPS, *INTEGER_OPS)}

__all__ = [
    "FLOAT_OPS", "OPS", "Binary", "Concat", "Embedding", "Expand", "Gru", "Last", "LayerNorm", "Linear", "LogSoftmax",
    "Lstm", "Matmul", "Reduce", "Reshape", "Rnn", "Slice", "Softmax", "Transpose", "Unary",
]  # fmt: skip
