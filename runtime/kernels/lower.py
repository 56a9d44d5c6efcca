"""Which ops the numba engine runs: the registry of ``lower``."""

from __future__ import annotations

from functools import singledispatch

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Node
from edgernn.ir.op import Op
from edgernn.ops import (
    BandedLinear,
    Binary,
    Concat,
    Embedding,
    Expand,
    Gru,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    MaskedSoftmax,
    Matmul,
    Reduce,
    Reshape,
    Rfft,
    Rnn,
    Select,
    Slice,
    Softmax,
    SquaredMagnitude,
    Transpose,
    Unary,
)  # fmt: skip
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
    RunningInt16,
    SoftmaxInt16,
    TableInt16,
)  # fmt: skip
from edgernn.runtime.kernels import lower_frames as frames
from edgernn.runtime.kernels import lower_integer as integer
from edgernn.runtime.kernels import lower_moves as moves
from edgernn.runtime.kernels import lower_products as products
from edgernn.runtime.kernels import lower_spectrum as spectrum
from edgernn.runtime.kernels.lower_running import running_int16
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
lower.register(MaskedSoftmax, frames.masked_softmax)
lower.register(LayerNorm, frames.layer_norm)
lower.register(Rfft, spectrum.rfft)
lower.register(SquaredMagnitude, spectrum.squared_magnitude)
lower.register(BandedLinear, spectrum.banded_linear)
lower.register(Embedding, moves.embedding)
lower.register(Reshape, moves.reshape)
lower.register(Transpose, moves.transpose)
lower.register(Expand, moves.expand)
lower.register(Slice, moves.slice_)
lower.register(Concat, moves.concat)
lower.register(Select, moves.select)

lower.register(LstmInt16, integer.lstm)
lower.register(GruInt16, integer.gru)
lower.register(RnnInt16, integer.rnn)
lower.register(LinearInt16, integer.linear)
lower.register(MatmulInt16, integer.matmul)
lower.register(EmbeddingInt16, integer.embedding)
lower.register(AddInt16, integer.add)
lower.register(MulInt16, integer.mul)
lower.register(DivInt16, integer.div)
lower.register(RescaleInt16, integer.rescale)
lower.register(ClipInt16, integer.clip)
lower.register(TableInt16, integer.table)
lower.register(LayerNormInt16, integer.layer_norm)
lower.register(SoftmaxInt16, integer.softmax)
lower.register(LogPowerInt16, integer.log_power)
lower.register(LogSoftmaxInt16, integer.log_softmax)
lower.register(MaskedSoftmaxInt16, integer.masked_softmax)
lower.register(ReduceInt16, integer.reduce)
lower.register(RunningInt16, running_int16)
