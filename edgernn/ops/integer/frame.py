"""Integer ops over a whole frame: normalisation, softmax, reductions, products of two streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams
from edgernn.ops.integer.arithmetic import look_up, requantize, round_shift, sat16
from edgernn.ops.integer.tables import EXP_MINUS, LOG_1_PLUS
from edgernn.ops.masked_softmax import masked, over_rows

LN2_Q15 = 22713
NORM_FRACTION = 12


def _int16(kind: str, inputs: tuple[ValueType, ...], count: int) -> ValueType:
    expect(len(inputs) == count, f"{kind} has {count} operands, not {len(inputs)}")
    expect(inputs[0].dtype == "int16", f"{kind} of {inputs[0].dtype}; int16 expected")
    return inputs[0]


@dataclass(frozen=True)
class LayerNormInt16(Op):
    """Layer normalisation over the last axis of N <= 1024 elements (so that sums of squares fit 64 bits).

    Operands: x (..., N) int16, gain (N) int32, bias (N) int32. With S the sum, d = N x - S and
    Q = floor(sum(d^2) / N) + epsilon, r = max(1, isqrt(Q)), e the bit length of r,
    inverse = floor(2^(30 + e) / r): t = (d * inverse + 2^(17 + e)) >> (18 + e), the normalised value in Q.12;
    y = sat16(bias + ((t * gain + 2^19) >> 20)).

    epsilon  round(N^2 eps / scale^2), below 2^62
    """

    epsilon: int

    kind: ClassVar[str] = "layer_norm_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        x = _int16(self.kind, inputs, 3)
        expect(len(x.shape) >= 1 and x.shape[-1] <= 1024, f"layer_norm_int16 of frames of {x.shape}")
        expect(0 <= self.epsilon < 1 << 62, f"epsilon {self.epsilon} must be in 0..2^62-1")
        for v in inputs[1:]:
            expect(
                v.dtype == "int32" and v.shape == x.shape[-1:], f"gain and bias must be int32 {x.shape[-1:]}, not {v}"
            )
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, gain, bias = inputs
        rows = x.reshape(-1, x.shape[-1]).astype(np.int64)
        out = np.empty(rows.shape, np.int16)
        for k, row in enumerate(rows):
            d = len(row) * row - row.sum()
            root = max(1, math.isqrt(sum(int(v) * int(v) for v in d) // len(row) + self.epsilon))
            e = root.bit_length()
            inverse = (1 << (30 + e)) // root
            t = (d * inverse + (1 << (17 + e))) >> (18 + e)
            out[k] = sat16(bias + ((t * gain.astype(np.int64) + (1 << 19)) >> 20))
        return (out.reshape(x.shape),)


def _exponentials(x: Array, multiplier: int, shift: int) -> tuple[Array, Array]:
    """(d, e): distance from the maximum along the last axis, and exp(-d) in Q0.15."""
    d = x.max(axis=-1, keepdims=True).astype(np.int64) - x
    u = np.minimum(round_shift(d * multiplier, shift), 65535)
    return d, look_up(EXP_MINUS, u - 32768)


@dataclass(frozen=True)
class SoftmaxInt16(Op):
    """Softmax along the last axis, in Q0.15.

    d = max(x) - x; u = min((d * multiplier + 2^(shift - 1)) >> shift, 65535) in Q4.12; e = table of exp(-u) at
    u - 32768; y = min((e * 2^15 + (sum(e) >> 1)) // sum(e), 32767). 0 <= multiplier < 2^15, shift in 1..30.
    """

    multiplier: int
    shift: int

    kind: ClassVar[str] = "softmax_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        x = _int16(self.kind, inputs, 1)
        expect(0 <= self.multiplier < 1 << 15 and 1 <= self.shift <= 30, f"{self} is out of range")
        expect(len(x.shape) >= 1, "softmax needs an axis")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        _, e = _exponentials(inputs[0], self.multiplier, self.shift)
        total = e.sum(axis=-1, keepdims=True)
        return (np.minimum(((e << 15) + (total >> 1)) // total, 32767).astype(np.int16),)


@dataclass(frozen=True)
class MaskedSoftmaxInt16(Op):
    """Softmax along the last axis over the elements whose mask is not 0, in Q0.15, whose sum is 1.

    Operands: x (..., N) int16, mask (N,) int32. e as in SoftmaxInt16, 0 where the mask is 0. What rounding leaves of an
    element is added to the next one, so that many small weights are not all too small or too large: with
    r_0 = sum(e) >> 1 and t_k = e_k * 2^15 + r_k, y_k = min(t_k // sum(e), 32767) and r_(k + 1) = t_k mod sum(e).
    All are 0 where the mask is. N < 2^16.
    """

    multiplier: int
    shift: int

    kind: ClassVar[str] = "masked_softmax_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(_int16(self.kind, inputs, 2).shape[-1] < 1 << 16, f"{self.kind} of frames of {inputs[0].shape}")
        expect(0 <= self.multiplier < 1 << 15 and 1 <= self.shift <= 30, f"{self} is out of range")
        return (masked(self.kind, inputs),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, chosen = inputs[0], over_rows(inputs[1], inputs[0])
        _, e = _exponentials(np.where(chosen, x, -32768), self.multiplier, self.shift)
        e = np.where(chosen, e, 0)
        total = np.maximum(e.sum(axis=-1, keepdims=True), 1)
        reached = ((np.cumsum(e, axis=-1) << 15) + (total >> 1)) // total
        return (np.minimum(np.diff(reached, axis=-1, prepend=0), 32767).astype(np.int16),)


@dataclass(frozen=True)
class LogSoftmaxInt16(Op):
    """Logarithm of softmax along the last axis.

    d, e as in SoftmaxInt16. The sum E of e is 2^k (1 + f), f the 16 bits below the leading one, as
    (E << 16 >> k) - 2^16; l = table of log(1 + f) at f - 32768, in Q0.15, plus (k - 15) * 22713;
    y = sat16((-d * gain - l * log_gain + 2^15) >> 16).
    """

    multiplier: int
    shift: int
    gain: int
    log_gain: int

    kind: ClassVar[str] = "log_softmax_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        x = _int16(self.kind, inputs, 1)
        expect(0 <= self.multiplier < 1 << 15 and 1 <= self.shift <= 30, f"{self} is out of range")
        expect(0 <= self.gain < 1 << 31 and 0 <= self.log_gain < 1 << 31, f"{self} is out of range")
        expect(len(x.shape) >= 1, "log_softmax needs an axis")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        d, e = _exponentials(inputs[0], self.multiplier, self.shift)
        total = e.sum(axis=-1, keepdims=True)
        k = np.vectorize(lambda n: int(n).bit_length() - 1, otypes=[np.int64])(total)
        fraction = ((total << 16) >> k) - (1 << 16)
        log = look_up(LOG_1_PLUS, fraction - 32768) + (k - 15) * LN2_Q15
        return (sat16((-d * self.gain - log * self.log_gain + (1 << 15)) >> 16).astype(np.int16),)


@dataclass(frozen=True)
class ReduceInt16(Op):
    """Sum (of which a mean is a multiple) or maximum or minimum over ``axes`` (negative) of a frame.

    "sum": sat16(requantize(sum, multiplier, 0)). "max", "min": no change of scale; multiplier is 0.
    """

    function: str
    axes: tuple[int, ...]
    keepdims: bool
    multiplier: int

    kind: ClassVar[str] = "reduce_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        x = _int16(self.kind, inputs, 1)
        rank = len(x.shape)
        expect(self.function in ("sum", "max", "min"), f"unknown reduction {self.function!r}")
        expect(bool(self.axes) and all(-rank <= a < 0 for a in self.axes), f"axes {self.axes} of {x.shape}")
        expect(0 <= self.multiplier < 1 << 31, f"multiplier {self.multiplier} must be in 0..2^31-1")
        dropped = {rank + a for a in self.axes}
        expect(math.prod(x.shape[k] for k in dropped) <= 1 << 16, f"reduction of more than 65536 elements of {x.shape}")
        keep = [(1 if k in dropped else n) for k, n in enumerate(x.shape) if self.keepdims or k not in dropped]
        return (x.with_shape(tuple(keep)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        if self.function != "sum":
            reduce = np.max if self.function == "max" else np.min
            return (np.asarray(reduce(x, axis=self.axes, keepdims=self.keepdims), np.int16),)
        total = np.sum(x, axis=self.axes, keepdims=self.keepdims, dtype=np.int64)
        zero = np.zeros((), np.int64)
        return (sat16(requantize(np.asarray(total), np.asarray(self.multiplier), zero)).astype(np.int16),)


@dataclass(frozen=True)
class MatmulInt16(Op):
    """sat16(requantize((a @ b) >> 15, multiplier, 0)): the sum exact in 64 bits, K <= 32768.

    a (..., M, K), b (..., K, N) int16; leading axes as in ``Matmul``.
    """

    multiplier: int

    kind: ClassVar[str] = "matmul_int16"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        _int16(self.kind, inputs, 2)
        a, b = inputs
        expect(b.dtype == "int16" and len(a.shape) >= 2 and len(b.shape) >= 2, f"matmul_int16 of {a}, {b}")
        expect(a.shape[-1] == b.shape[-2] <= 1 << 15, f"matmul_int16 of {a.shape} and {b.shape}")
        expect(0 <= self.multiplier < 1 << 31, f"multiplier {self.multiplier} must be in 0..2^31-1")
        for operand in (a, b):
            expect(
                operand.stream is not None or len(operand.shape) == 2, f"a constant has two axes, not {operand.shape}"
            )
        both = a.stream is not None and b.stream is not None
        expect(not both or a.shape[:-2] == b.shape[:-2], f"leading axes of matmul_int16 differ: {a.shape}, {b.shape}")
        lead = a.shape[:-2] or b.shape[:-2]
        return (ValueType("int16", (*lead, a.shape[-2], b.shape[-1]), join_streams([a, b])),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.int64) for x in inputs)
        zero = np.zeros((), np.int64)
        return (sat16(requantize((a @ b) >> 15, np.asarray(self.multiplier), zero)).astype(np.int16),)
