"""Initial states of a whole-sequence module: constants, or arguments that the caller gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgernn.capture.context import SEGMENT_REMEDY, Context, fixed_array, refuse, stream_arg
from edgernn.capture.traced import Call
from edgernn.capture.values import Constant, Stream
from edgernn.ir.op import Array
from edgernn.ops import Reshape, Slice


def initial(ctx: Context, call: Call, start: Any, shape: tuple[int, ...]) -> tuple[Array, str, int]:
    """The value that a state starts from; the port that gives it, if one does, and from which row on.

    Raises UnsupportedModelError for what is computed.
    """
    if isinstance(start, Constant):
        array = fixed_array(call, start, "initial state")
        return np.ascontiguousarray(array.reshape(shape), dtype=_narrow(array)), "", 0
    port, row = port_of(ctx, start)
    if not port:
        refuse(
            call,
            "its initial state is computed from the input",
            "start from zeros, from a parameter, or from an argument of forward that is passed on unchanged; or "
            f"convert it for whole segments ({SEGMENT_REMEDY})",
        )
    return np.zeros(shape, np.float32), port, row


def computed(ctx: Context, call: Call, start: Any, shape: tuple[int, ...]) -> str:
    """Of a segment: the value that a state starts from, which holds for the whole of it."""
    start = stream_arg(call, start, "initial state")
    if not ctx.is_final(start):
        refuse(call, "its initial state changes along the sequence", "start from what holds for the whole segment")
    return ctx.reshaped(start.value, shape, call)


def _narrow(array: Array) -> str:
    return "int32" if array.dtype.kind in "iu" else "float32"


def port_of(ctx: Context, start: Any) -> tuple[str, int]:
    """The input without time that ``start`` is, or is some rows of, and the first of these rows."""
    if not isinstance(start, Stream):
        return "", 0
    plain = {stream.value: name for name, stream in _plain(ctx).items()}
    nodes = ctx.builder.graph.producers()
    value, row = start.value, 0
    while value not in plain:
        node = nodes.get(value)
        if node is None or not _moves_rows(ctx, node.op, node.inputs[0]):
            return "", 0
        row += node.op.start if isinstance(node.op, Slice) else 0
        value = node.inputs[0]
    return plain[value], row


def _plain(ctx: Context) -> dict[str, Stream]:
    found = {ctx.plain[name]: ctx.env[name] for name in ctx.plain}
    return {port: stream for port, stream in found.items() if isinstance(stream, Stream)}


def _moves_rows(ctx: Context, op: Any, operand: str) -> bool:
    """Whether an op keeps the order of elements, or takes rows of the first axis."""
    if isinstance(op, Slice):
        return op.axis == -len(ctx.builder.graph.values[operand].shape) and op.step == 1
    return isinstance(op, Reshape)
