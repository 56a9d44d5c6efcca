"""Shapes and strides, in elements, of what kernels walk through."""

from __future__ import annotations

import math
from collections.abc import Sequence


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of an array in C order."""
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Strides that read an array of ``shape`` as if it had the shape ``target``."""
    own = (1,) * (len(target) - len(shape)) + tuple(shape)
    return tuple(
        0 if size == 1 else stride
        for size, stride in zip(own, contiguous_strides(own), strict=True)
    )  # fmt: skip


def collapse(sizes: Sequence[int], *strides: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """The same walk with the fewest axes, at least one: axes of size 1 dropped, neighbours joined where every
    operand allows it. The axis of a single element has stride 1."""
    axes: list[tuple[int, tuple[int, ...]]] = []
    for size, steps in zip(sizes, zip(*strides, strict=True), strict=True):
        if size == 1:
            continue
        if axes and all(before == size * step for before, step in zip(axes[-1][1], steps, strict=True)):
            axes[-1] = (axes[-1][0] * size, steps)
        else:
            axes.append((size, steps))
    if not axes:
        axes.append((1, (1,) * len(strides)))
    return [size for size, _ in axes], [[steps[k] for _, steps in axes] for k in range(len(strides))]
