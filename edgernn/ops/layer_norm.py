"""Normalisation over the last axis of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class LayerNorm(Op):
    """``torch.nn.LayerNorm`` over the last axis: (x - mean) / sqrt(var + eps) * gamma + beta.

    Operands: x (..., N), constants gamma (N), beta (N). The variance is the biased one.
    """

    eps: float = 1e-5

    kind: ClassVar[str] = "layer_norm"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"layer_norm has 3 operands, not {len(inputs)}")
        x, gamma, beta = inputs
        expect_constants(gamma, beta)
        expect(len(x.shape) >= 1, "layer_norm needs an axis")
        expect(gamma.shape == beta.shape == x.shape[-1:], f"gamma and beta must be {x.shape[-1:]}")
        return (x,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, gamma, beta = inputs
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.mean(np.square(centred), axis=-1, keepdims=True)
        return ((centred / np.sqrt(variance + np.float32(self.eps)) * gamma + beta).astype(x.dtype, copy=False),)
