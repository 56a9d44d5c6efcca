"""Loops over strided axes, folded to as few as possible."""

from __future__ import annotations

from dataclasses import dataclass

MAX_AXES = 8


@dataclass(frozen=True)
class Walk:
    """What a C ``ern_walk`` holds: axis sizes, and the steps of two arrays in elements."""

    size: tuple[int, ...]
    a_step: tuple[int, ...]
    b_step: tuple[int, ...]


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Steps of a dense array."""
    steps: list[int] = []
    step = 1
    for n in reversed(shape):
        steps.insert(0, step)
        step *= n
    return tuple(steps)


def broadcast_strides(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """Steps of a dense array of ``shape`` read as ``target``: 0 along axes that are repeated."""
    padded = (1,) * (len(target) - len(shape)) + shape
    return tuple(0 if n == 1 and m != 1 else s for n, m, s in zip(padded, target, strides(padded), strict=True))


def fold(size: tuple[int, ...], a_step: tuple[int, ...], b_step: tuple[int, ...]) -> Walk:
    """Drop axes of one element and join neighbours that both arrays run through evenly. At least one axis is
    left.
    """
    axes: list[tuple[int, int, int]] = []
    for n, a, b in zip(size, a_step, b_step, strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1] == a * n and axes[-1][2] == b * n:
            axes[-1] = (axes[-1][0] * n, a, b)
        else:
            axes.append((n, a, b))
    axes = axes or [(1, 1, 1)]
    return Walk(*(tuple(axis[k] for axis in axes) for k in range(3)))
