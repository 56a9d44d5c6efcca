"""Statistics of all frames so far: pooling over time, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType
from edgernn.ops.binary import Binary
from edgernn.ops.unary import Unary

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder

LOWEST = float(np.finfo(np.float32).min)
MOST_FRAMES = float(2**24)

STARTS: dict[str, tuple[float, ...]] = {
    "max": (LOWEST,),
    "min": (-LOWEST,),
    "sum": (0.0, 0.0),
    "mean": (0.0, 0.0, 0.0),
    "softmax": (0.0, 0.0, -1e30),
}
"""Function -> what each of its states is before the first frame."""


@dataclass(frozen=True)
class Running(Op):
    """``function`` of all frames so far.

    Operands: x (*shape), for "softmax" also a score (*shape, or with axes of length 1), then the states before.
    Results: the states after; the first is the value.

    max, min  of each element
    sum       with the compensation of Kahan (1965): states are the sum and what rounding took from it
    mean      m + (x - m) / n, the increments summed likewise: states are m, its compensation, n. n stays at 2^24, the
              largest count that float32 holds; from there on older frames are slowly forgotten
    softmax   the mean of x with weights exp(score), as of attention over the frames so far: states are the mean m, the
              sum z of the weights over exp(s), and the largest score s (Milakov and Gimelshein, 2018)
    """

    function: str

    kind: ClassVar[str] = "running"

    @property
    def operands(self) -> int:
        """Operands that are no states."""
        return 2 if self.function == "softmax" else 1

    @property
    def carried(self) -> tuple[tuple[int, int], ...]:  # type: ignore[override]
        return tuple((self.operands + k, k) for k in range(len(STARTS[self.function])))

    def shapes(self, x: tuple[int, ...], score: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
        """Of the states."""
        special = {"mean": [x, x, (1,) * len(x)], "softmax": [x, score, score]}
        return special.get(self.function, [x] * len(STARTS[self.function]))

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(self.function in STARTS, f"unknown function {self.function!r}")
        expect(len(inputs) == self.operands + len(self.carried), f"running {self.function} of {len(inputs)} operands")
        x, score = inputs[0], inputs[self.operands - 1]
        expect(x.stream is not None, "running needs an operand that changes over time")
        expect(np.broadcast_shapes(x.shape, score.shape) == x.shape, f"scores {score.shape} of frames {x.shape}")
        shapes = self.shapes(x.shape, score.shape)
        found = [s.shape for s in inputs[self.operands :]]
        expect(found == shapes, f"states must be {shapes}, not {found}")
        return tuple(x.with_shape(shape) for shape in shapes)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        values, states = inputs[: self.operands], inputs[self.operands :]
        rows: list[Sequence[Array]] = []
        for t in range(len(values[0])):
            states = tuple(_STEPS[self.function](*(v[t] for v in values), *states))
            rows.append(states)
        return tuple(np.stack(column).astype(values[0].dtype, copy=False) for column in zip(*rows, strict=True))

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """The same steps as elementwise nodes."""
        return tuple(_NODES[self.function](_Arithmetic(builder), *inputs))


def _kahan(total: Array, lost: Array, x: Array) -> tuple[Array, Array]:
    y = x - lost
    after = total + y
    return after, (after - total) - y


def _mean(x: Array, mean: Array, lost: Array, count: Array) -> tuple[Array, ...]:
    count = np.minimum(count + 1, MOST_FRAMES).astype(x.dtype)
    return *_kahan(mean, lost, (x - mean) / count), count


def _softmax(x: Array, score: Array, mean: Array, total: Array, top: Array) -> tuple[Array, ...]:
    highest = np.maximum(top, score)
    weight = np.exp(score - highest)
    total = total * np.exp(top - highest) + weight
    return mean + (x - mean) * (weight / total), total, highest


_STEPS: dict[str, Callable[..., Sequence[Array]]] = {
    "max": lambda x, best: (np.maximum(best, x),),
    "min": lambda x, best: (np.minimum(best, x),),
    "sum": lambda x, total, lost: _kahan(total, lost, x),
    "mean": _mean,
    "softmax": _softmax,
}


class _Arithmetic:
    """Short names for building elementwise nodes."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def __call__(self, function: str, a: str, b: str | float) -> str:
        operand = b if isinstance(b, str) else self.builder.scalar(b)
        return self.builder.add1(Binary(function), [a, operand], f"running_{function}")

    def exp(self, x: str) -> str:
        return self.builder.add1(Unary("exp"), [x], "running_exp")

    def kahan(self, total: str, lost: str, x: str) -> tuple[str, str]:
        y = self("sub", x, lost)
        after = self("add", total, y)
        return after, self("sub", self("sub", after, total), y)

    def mean(self, x: str, mean: str, lost: str, count: str) -> tuple[str, ...]:
        count = self("minimum", self("add", count, 1.0), MOST_FRAMES)
        return *self.kahan(mean, lost, self("div", self("sub", x, mean), count)), count

    def softmax(self, x: str, score: str, mean: str, total: str, top: str) -> tuple[str, ...]:
        highest = self("maximum", top, score)
        weight = self.exp(self("sub", score, highest))
        total = self("add", self("mul", total, self.exp(self("sub", top, highest))), weight)
        return self("add", mean, self("mul", self("sub", x, mean), self("div", weight, total))), total, highest


_NODES: dict[str, Callable[..., Sequence[str]]] = {
    "max": lambda a, x, best: (a("maximum", best, x),),
    "min": lambda a, x, best: (a("minimum", best, x),),
    "sum": lambda a, x, total, lost: a.kahan(total, lost, x),
    "mean": lambda a, *values: a.mean(*values),
    "softmax": lambda a, *values: a.softmax(*values),
}
