"""Ops on blocks: values of which a step has several frames, side by side as a first axis."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Node
from edgernn.ops import (
    Binary,
    Concat,
    Conv,
    Embedding,
    Expand,
    LayerNorm,
    Linear,
    LogSoftmax,
    Reduce,
    Reshape,
    Slice,
    Softmax,
    Transpose,
    Unary,
)  # fmt: skip

AS_THEY_ARE = (Unary, Linear, Conv, Embedding, Slice, Reduce, Softmax, LogSoftmax, LayerNorm)
"""Ops that take blocks of their first operand as they take frames: their axes are counted from the last one."""


class Blocks:
    """Cuts blocks into frames, joins frames, and applies ops to all frames of a block at once where they allow it."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._frames: dict[str, list[str]] = {}

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a value of the new graph."""
        return self.builder.graph.values[name].shape

    def split(self, block: str, count: int) -> list[str]:
        """The ``count`` frames of a block."""
        if count == 1:
            return [block]
        if block not in self._frames:
            shape = self.shape(block)
            parts = [self.builder.add1(Slice(-len(shape), k, k + 1), [block], f"{block}_{k}") for k in range(count)]
            self._frames[block] = [self.builder.add1(Reshape(shape[1:]), [p], p) for p in parts]
        return self._frames[block]

    def join(self, frames: Sequence[str], hint: str) -> str:
        """Frames as a block; one frame alone as it is."""
        if len(frames) == 1:
            return frames[0]
        shape = self.shape(frames[0])
        parts = [self.builder.add1(Reshape((1, *shape)), [f], f"{hint}_part") for f in frames]
        block = self.builder.add1(Concat(-1 - len(shape)), parts, hint)
        self._frames[block] = list(frames)
        return block

    def apply(self, node: Node, inputs: Sequence[str], counts: Sequence[int]) -> Sequence[str]:
        """A node that works frame by frame; ``counts`` are frames of the operands, 0 for what all frames share."""
        count, op = max(counts), node.op
        if isinstance(op, AS_THEY_ARE) and counts[0] == count and not any(counts[1:]):
            return self.builder.add(op, inputs, node.name)
        if isinstance(op, Reshape):
            return self.builder.add(Reshape((count, *op.shape)), inputs, node.name)
        if isinstance(op, Transpose):
            return self.builder.add(Transpose((-1 - len(op.axes), *op.axes)), inputs, node.name)
        if isinstance(op, Expand):
            return self.builder.add(Expand((count, *op.shape)), [self._of_rank(inputs[0], len(op.shape))], node.name)
        if isinstance(op, Binary):
            return self.builder.add(op, self._of_one_rank(inputs, counts), node.name)
        return self._one_by_one(node, inputs, counts)

    def _of_rank(self, block: str, rank: int) -> str:
        """A block whose frames have ``rank`` axes, the first of them of length 1."""
        count, *frame = self.shape(block)
        if len(frame) >= rank:
            return block
        shape = (count, *[1] * (rank - len(frame)), *frame)
        return self.builder.add1(Reshape(shape), [block], f"{block}_of_rank")

    def _of_one_rank(self, inputs: Sequence[str], counts: Sequence[int]) -> list[str]:
        rank = max(len(self.shape(name)) - (n > 0) for name, n in zip(inputs, counts, strict=True))
        return [self._of_rank(name, rank) if n else name for name, n in zip(inputs, counts, strict=True)]

    def _one_by_one(self, node: Node, inputs: Sequence[str], counts: Sequence[int]) -> list[str]:
        pairs = zip(inputs, counts, strict=True)
        columns = [self.split(name, n) if n else [name] * max(counts) for name, n in pairs]
        rows = [self.builder.add(node.op, row, node.name) for row in zip(*columns, strict=True)]
        return [self.join(column, node.name) for column in zip(*rows, strict=True)]
