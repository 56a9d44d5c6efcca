"""Attention of all frames to all frames -> passes that collect keys and values, and read what was collected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node
from edgernn.ir.rewrite import rewrite
from edgernn.ops import Attend, Collect, Last, MaskedSoftmax, Matmul, Reshape, Spread


def collect_frames(graph: Graph, max_steps: int) -> Graph:
    """The sequence graph without ``Attend``, for segments of up to ``max_steps`` steps.

    Keys and values of all frames are values of the end of a pass, which enter every frame of a later one; where the
    attention is causal, those so far are at hand in the pass itself.
    """

    def rule(node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str] | None:
        if not isinstance(node.op, Attend):
            return None
        return [_attended(node, builder, inputs, max_steps * graph.frames(node.outputs[0]))]

    if not any(isinstance(node.op, Attend) for node in graph.nodes):
        return graph
    return rewrite(graph, rule)


def _attended(node: Node, builder: Builder, inputs: Sequence[str], steps: int) -> str:
    queries, keys, values = inputs
    (heads, width), size = builder.graph.values[keys].shape, builder.graph.values[values].shape[1]
    starts = [
        builder.constant(np.zeros(shape, dtype), f"{node.name}_{name}_start")
        for name, shape, dtype in (
            ("keys", (heads, width, steps), np.float32), ("values", (heads, steps, size), np.float32),
            ("mask", (steps,), np.int32),
        )
    ]  # fmt: skip
    found: Sequence[str] = builder.add(Collect(steps), [keys, values, *starts], f"{node.name}_frames")
    if isinstance(node.op, Attend) and not node.op.causal:
        ends = [builder.add1(Last(), [name], f"{name}_end") for name in found]
        found = [builder.add1(Spread(), [name], f"{name}_whole") for name in ends]
    all_keys, all_values, mask = found
    row = builder.add1(Reshape((heads, 1, width)), [queries], f"{node.name}_query")
    scores = builder.add1(Matmul(), [row, all_keys], f"{node.name}_scores")
    weights = builder.add1(MaskedSoftmax(), [scores, mask], f"{node.name}_weights")
    mean = builder.add1(Matmul(), [weights, all_values], f"{node.name}_mean")
    return builder.add1(Reshape((heads, size)), [mean], node.name)
