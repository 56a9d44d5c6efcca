"""The ops, one file each. ``OPS`` maps the kind that stands in files to the class."""

from __future__ import annotations

from edgernn.ir.op import Op
from edgernn.ops.attention import Attend, Collect
from edgernn.ops.banded_linear import BandedLinear
from edgernn.ops.binary import Binary
from edgernn.ops.bounded import Bounded
from edgernn.ops.conv import Conv
from edgernn.ops.dequantize import Dequantize
from edgernn.ops.embedding import Embedding
from edgernn.ops.gru import Gru
from edgernn.ops.integer import INTEGER_OPS
from edgernn.ops.last import Last
from edgernn.ops.layer_norm import LayerNorm
from edgernn.ops.linear import Linear
from edgernn.ops.lookahead import Lookahead
from edgernn.ops.lstm import Lstm
from edgernn.ops.masked_softmax import MaskedSoftmax
from edgernn.ops.matmul import Matmul
from edgernn.ops.recurrence import Recurrence
from edgernn.ops.reduce import Reduce
from edgernn.ops.rfft import Rfft
from edgernn.ops.rnn import Rnn
from edgernn.ops.running import Running
from edgernn.ops.select import Select
from edgernn.ops.shape import Concat, Expand, Reshape, Slice, Transpose
from edgernn.ops.softmax import LogSoftmax, Softmax
from edgernn.ops.squared_magnitude import SquaredMagnitude
from edgernn.ops.unary import Unary
from edgernn.ops.whole import Advance, Reverse, Spread
from edgernn.ops.window import Delay, Subsample, Window

FLOAT_OPS: tuple[type[Op], ...] = (
    BandedLinear, Binary, Concat, Dequantize, Embedding, Expand, Gru, Last, LayerNorm, Linear, LogSoftmax, Lstm,
    MaskedSoftmax, Matmul, Reduce, Reshape, Rfft, Rnn, Running, Select, Slice, Softmax, SquaredMagnitude,
    Transpose, Unary,
)  # fmt: skip
COMPOSITE_OPS: tuple[type[Op], ...] = (Collect, Conv, Delay, Recurrence, Window)
"""Ops of sequence graphs; step programs hold what they are composed of, and no Last, Bounded, Lookahead, Subsample,
Reverse, Spread, Advance and Attend."""

OPS: dict[str, type[Op]] = {op.kind: op for op in (*FLOAT_OPS, *INTEGER_OPS)}

__all__ = [
    "COMPOSITE_OPS", "FLOAT_OPS", "OPS", "Advance", "Attend", "BandedLinear", "Binary", "Bounded", "Collect", "Concat",
    "Conv", "Delay", "Dequantize", "Embedding", "Expand", "Gru", "Last", "LayerNorm", "Linear", "LogSoftmax",
    "Lookahead", "Lstm", "MaskedSoftmax", "Matmul", "Recurrence", "Reduce", "Reshape", "Reverse", "Rfft", "Rnn",
    "Running", "Select", "Slice", "Softmax", "Spread", "SquaredMagnitude", "Subsample", "Transpose", "Unary", "Window",
]  # fmt: skip
