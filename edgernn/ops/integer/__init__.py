"""The ops of integer models: int16 values and states, int8 weights, nothing in floating point."""

from __future__ import annotations

from edgernn.ir.op import Op
from edgernn.ops.integer.dense import EmbeddingInt16, LinearInt16
from edgernn.ops.integer.elementwise import AddInt16, ClipInt16, DivInt16, MulInt16, RescaleInt16, TableInt16
from edgernn.ops.integer.frame import (
    LayerNormInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    ReduceInt16,
    SoftmaxInt16,
)
from edgernn.ops.integer.power import LogPowerInt16
from edgernn.ops.integer.recurrent import GruInt16, LstmInt16, RnnInt16
from edgernn.ops.integer.running import RunningInt16

__all__ = [
    "INTEGER_OPS", "AddInt16", "ClipInt16", "DivInt16", "EmbeddingInt16", "GruInt16", "LayerNormInt16", "LinearInt16",
    "LogPowerInt16", "LogSoftmaxInt16", "LstmInt16", "MaskedSoftmaxInt16", "MatmulInt16", "MulInt16", "ReduceInt16",
    "RescaleInt16", "RnnInt16", "RunningInt16", "SoftmaxInt16", "TableInt16",
]  # fmt: skip

INTEGER_OPS: tuple[type[Op], ...] = (
    AddInt16, ClipInt16, DivInt16, EmbeddingInt16, GruInt16, LayerNormInt16, LinearInt16, LogPowerInt16,
    LogSoftmaxInt16, LstmInt16, MaskedSoftmaxInt16, MatmulInt16, MulInt16, ReduceInt16, RescaleInt16, RnnInt16,
    RunningInt16, SoftmaxInt16, TableInt16,
)  # fmt: skip
