"""Integer statistics over time as kernel calls."""

from __future__ import annotations

from edgernn.ir.graph import Node
from edgernn.ops.integer import RunningInt16
from edgernn.ops.integer.tables import EXP_MINUS
from edgernn.runtime.kernels import integer_running as running
from edgernn.runtime.kernels.lower_moves import strided
from edgernn.runtime.kernels.program import Program
from edgernn.runtime.kernels.strides import broadcast_strides

KERNELS = {"sum": running.running_sum_int16, "mean": running.running_mean_int16}


def running_int16(op: RunningInt16, node: Node, program: Program) -> None:
    """One call; for the weighted mean two, between which the weights are repeated to the shape of the frame."""
    if op.function == "softmax":
        _softmax(op, node, program)
        return
    x, *states = map(program.operand, node.inputs)
    y, *after = map(program.result, node.outputs)
    size = program.graph.values[node.inputs[0]].size
    program.call(KERNELS[op.function], x, y, size, *states, op.multiplier, op.shift, *after)


def _softmax(op: RunningInt16, node: Node, program: Program) -> None:
    x, score, mean, total, top = map(program.operand, node.inputs)
    y, mean_next, total_next, top_next = map(program.result, node.outputs)
    frame, scores = program.graph.types(node.inputs[:2])
    ratio = program.reserve(4 * scores.size)
    program.call(
        running.running_weights_int16, score, ratio, scores.size, total, top, op.score_multiplier, op.score_shift,
        op.log_two, program.shared(EXP_MINUS), total_next, top_next,
    )  # fmt: skip
    shares = strided(program, ratio, frame.shape, broadcast_strides(scores.shape, frame.shape), "int32")
    program.call(
        running.running_softmax_int16, x, y, frame.size, shares, mean, op.multiplier, op.shift, mean_next
    )  # fmt: skip
