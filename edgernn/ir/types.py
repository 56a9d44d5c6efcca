"""What is known of a value before anything runs: dtype, frame shape, timing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

DTYPE_BYTES = {
    "float32": 4,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "bool": 1,
}


@dataclass(frozen=True)
class StreamInfo:
    """Timing of a value that changes over time.

    rate   frames of this value per frame of the model's input
    delay  frames (at the input rate) by which this value lags behind the frame it belongs to
    final  True for a value that a whole-sequence model computes once, at the end (``y[:, -1]``,
           ``h_n``): at step t it is the answer for the prefix ``x[:t+1]``
    """

    rate: Fraction = Fraction(1)
    delay: int = 0
    final: bool = False


@dataclass(frozen=True)
class ValueType:
    """Type of one frame of a value.

    shape   of one frame, without a time axis
    stream  None for a constant (a weight); otherwise the timing
    """

    dtype: str
    shape: tuple[int, ...]
    stream: StreamInfo | None = None

    @property
    def size(self) -> int:
        """Number of elements of one frame."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of one frame."""
        return self.size * DTYPE_BYTES[self.dtype]

    def with_shape(self, shape: tuple[int, ...]) -> ValueType:
        """The same type with another frame shape."""
        return replace(self, shape=tuple(shape))

    def with_stream(self, stream: StreamInfo | None) -> ValueType:
        """The same type with another timing."""
        return replace(self, stream=stream)


def join_streams(types: tuple[ValueType, ...] | list[ValueType]) -> StreamInfo | None:
    """Timing of a value computed frame by frame from ``types``: constants have no say, nor has what is the same in
    every frame (of rate 0) beside frames, and the others must agree (delays are aligned before, in the stream pass).

    Raises ValueError where they disagree.
    """
    streams = {t.stream for t in types if t.stream is not None}
    streams = {s for s in streams if s.rate} or streams
    if len(streams) > 1:
        raise ValueError(f"operands have different timing: {sorted(map(str, streams))}")
    return next(iter(streams), None)
