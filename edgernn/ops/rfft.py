"""Discrete Fourier transform of real frames, and the plan of the fast kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.linear import Linear
from edgernn.ops.shape import Reshape

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder

RADICES = (4, 2, 3, 5)
"""Sizes of the butterflies of the kernels, in the order in which they are taken out of a length."""


@dataclass(frozen=True)
class Rfft(Op):
    """``torch.fft.rfft`` along the last axis: X[k] = sum over t of x[t] exp(-2 pi i k t / size), k = 0 .. size // 2.

    Operand: x (..., I), I <= size; what is missing counts as zeros. Result: (..., 2, size // 2 + 1), the real parts
    and then the imaginary parts.
    """

    size: int

    kind: ClassVar[str] = "rfft"

    @property
    def bins(self) -> int:
        """Frequencies of the result."""
        return self.size // 2 + 1

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 1, f"rfft has 1 operand, not {len(inputs)}")
        (x,) = inputs
        expect(len(x.shape) >= 1 and 0 < x.shape[-1] <= self.size, f"rfft of {self.size} samples of frames {x.shape}")
        return (x.with_shape((*x.shape[:-1], 2, self.bins)),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        spectrum = np.fft.rfft(x.astype(np.float64), self.size)
        return (np.stack([spectrum.real, spectrum.imag], axis=-2).astype(x.dtype),)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """A product with the matrix of cosines and sines."""
        x = inputs[0]
        shape = builder.graph.values[x].shape
        rows = dft_matrix(self.size, shape[-1]).astype(np.float32)
        operands = [x, builder.constant(rows, "dft"), builder.constant(np.zeros(len(rows), np.float32), "dft_bias")]
        product = builder.add1(Linear(), operands, f"{x}_dft")
        return (builder.add1(Reshape((*shape[:-1], 2, self.bins)), [product], f"{x}_spectrum"),)


def dft_matrix(size: int, inputs: int) -> Array:
    """(2 bins, inputs): rows of cosines, then of negative sines; in float64, exact zeros and ones where they belong."""
    turns = np.arange(size // 2 + 1)[:, None] * np.arange(inputs)[None] % size
    return np.concatenate([*_roots(turns, size)])


def factors(size: int) -> tuple[int, ...]:
    """Radices of the complex transform of size / 2 that the kernels of a real one of ``size`` compute; empty where
    they have none for it: odd sizes, and those with another prime factor than 2, 3 and 5."""
    rest, found = size // 2, []
    if size % 2 or size < 4:
        return ()
    for radix in RADICES:
        while rest % radix == 0:
            rest //= radix
            found.append(radix)
    return tuple(found) if rest == 1 else ()


def twiddles(size: int) -> Array:
    """[n, 2] float64 (cosine, negative sine), all that a kernel multiplies with.

    For each stage in the order of ``factors``, r its radix, l the product of the radices before, m = size / (2 l r):
    exp(-2 pi i j k l / (size / 2)) for j = 1 .. r - 1 and k = 0 .. m - 1, the last fastest. Then exp(-2 pi i k / size)
    for k = 0 .. size // 4, which join the two halves of the real transform.
    """
    half, before = size // 2, 1
    parts = []
    for radix in factors(size):
        columns = half // before // radix
        turns = (np.arange(1, radix)[:, None] * np.arange(columns)[None] * before).reshape(-1) % half
        parts.append(np.stack(_roots(turns, half), axis=-1))
        before *= radix
    parts.append(np.stack(_roots(np.arange(size // 4 + 1), size), axis=-1))
    return np.concatenate(parts)


def _roots(turns: Array, size: int) -> tuple[Array, Array]:
    """Cosine and negative sine of 2 pi turns / size; exact at multiples of a quarter turn."""
    angles = 2 * np.pi * turns / size
    cosine, sine = np.cos(angles), np.sin(angles)
    cosine[(4 * turns) % (4 * size) == size] = 0.0
    cosine[(4 * turns) % (4 * size) == 3 * size] = 0.0
    sine[(2 * turns) % size == 0] = 0.0
    return cosine, -sine
