"""Attention of the frames of a segment to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType, join_streams
from edgernn.ops.shape import Concat, Reshape, Slice

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True)
class Attend(Op):
    """Each frame's mean of the values of all frames, or where ``causal`` of those up to it.

    Operands: queries (H, D), keys (H, D), values (H, V), of H heads. Result: (H, V). Weights of the values are the
    softmax over time of the products of query and keys. An op of sequence graphs: ``passes.attention`` makes passes
    over the frames of it.
    """

    causal: bool

    kind: ClassVar[str] = "attend"

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 3, f"attend has 3 operands, not {len(inputs)}")
        queries, keys, values = inputs
        expect(all(len(v.shape) == 2 for v in inputs), "attend needs heads of queries, keys and values")
        expect(queries.shape == keys.shape, f"queries {queries.shape} and keys {keys.shape} differ")
        expect(values.shape[0] == keys.shape[0], f"{keys.shape[0]} heads of keys, {values.shape[0]} of values")
        return (ValueType(queries.dtype, values.shape, join_streams(list(inputs))),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        queries, keys, values = (np.swapaxes(v, 0, 1) for v in inputs)
        scores = queries @ np.swapaxes(keys, 1, 2)
        if self.causal:
            scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return (np.swapaxes(weights / weights.sum(axis=-1, keepdims=True) @ values, 0, 1),)


@dataclass(frozen=True)
class Collect(Op):
    """Keys and values of the frames so far, of the latest first, and which of them there are.

    Operands: keys (H, D), values (H, V), then what there was: keys (H, D, steps), values (H, steps, V), and an int32
    (steps,) that is 1 where there are some, 0 elsewhere. Results: the same with this frame.
    """

    steps: int

    kind: ClassVar[str] = "collect"
    carried: ClassVar[tuple[tuple[int, int], ...]] = ((2, 0), (3, 1), (4, 2))

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 5 and self.steps > 0, f"collect of {self.steps} steps has 5 operands, not {len(inputs)}")
        keys, values, *before = inputs
        expect(len(keys.shape) == len(values.shape) == 2, "collect needs heads of keys and values")
        (heads, width), size = keys.shape, values.shape[1]
        shapes = [(heads, width, self.steps), (heads, self.steps, size), (self.steps,)]
        expect([v.shape for v in before] == shapes, f"collections must be {shapes}, not {[v.shape for v in before]}")
        return tuple(ValueType(v.dtype, v.shape, keys.stream) for v in before)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        keys, values, *found = inputs
        rows = []
        for key, value in zip(keys, values, strict=True):
            new = (key[..., None], value[:, None], np.ones(1, np.int32))
            found = [
                np.concatenate([part, np.delete(old, -1, axis)], axis)
                for part, old, axis in zip(new, found, AXES, strict=True)
            ]
            rows.append(found)
        return tuple(np.stack(column) for column in zip(*rows, strict=True))

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """What is new before all but the oldest."""
        keys, values, *before = inputs
        (heads, width), size = builder.graph.values[keys].shape, builder.graph.values[values].shape[1]
        new = [
            builder.add1(Reshape((heads, width, 1)), [keys], f"{keys}_column"),
            builder.add1(Reshape((heads, 1, size)), [values], f"{values}_row"),
            builder.constant(np.ones(1, np.int32), "one_more"),
        ]
        if self.steps == 1:
            return tuple(new)
        return tuple(
            builder.add1(Concat(axis), [part, builder.add1(Slice(axis, 0, self.steps - 1), [old], f"{old}_kept")], old)
            for part, old, axis in zip(new, before, AXES, strict=True)
        )


AXES = (-1, -2, -1)
"""Of time in collected keys, values, and the signals."""
