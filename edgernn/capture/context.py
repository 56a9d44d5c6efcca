"""What the rules work with: the graph under construction, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from edgernn.capture.traced import Call, Ref, Varying
from edgernn.capture.values import Constant, Several, Stream, Tracked, frame_of
from edgernn.errors import UnsupportedModelError
from edgernn.ir.builder import Builder
from edgernn.ir.op import Array, Op
from edgernn.ops import Binary, Last, Reshape, Spread

SEGMENT_REMEDY = "--mode segment --max-frames N"
"""What to ask for where a model needs the whole sequence."""

CHUNK_REMEDY = "--mode chunk --lookahead N"
"""What to ask for where bidirectional layers may look ahead by some frames."""


@dataclass
class GivenState:
    """An initial state that the caller gives: of the k-th carried operand of a node, from this row of the argument."""

    node: str
    carried: int
    layer: int


@dataclass
class Context:
    """State of the translation of one module.

    env     tensor name -> what is known of it
    plain   name of each of the user's inputs without an axis of time -> its port
    given   port -> recurrent nodes that start from what it is given
    segment  whether the whole sequence is there, so that values of its end may enter frames
    """

    builder: Builder
    env: dict[str, Tracked] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)
    given: dict[str, list[GivenState]] = field(default_factory=dict)
    segment: bool = False

    def resolve(self, argument: Any) -> Any:
        """An argument of a call with its Refs replaced by what they stand for."""
        if isinstance(argument, Ref):
            return self.env[argument.name]
        if isinstance(argument, list):
            return [self.resolve(a) for a in argument]
        return argument

    def add(self, op: Op, inputs: Sequence[str], call: Call, hint: str = "") -> str:
        """Append a node with one result."""
        try:
            return self.builder.add1(op, inputs, hint or call.name)
        except ValueError as error:
            refuse(call, f"its operands do not fit: {error}")

    def stream(self, op: Op, inputs: Sequence[str], call: Call) -> Stream:
        """Append the node that computes the call's only result."""
        dims = plain_dims(call)
        value = self.add(op, inputs, call)
        found = self.builder.graph.values[value].shape
        if found != frame_of(dims):
            refuse(call, f"a frame would be {found}, PyTorch computes {frame_of(dims)}")
        return Stream(value, dims)

    def reshaped(self, value: str, shape: tuple[int, ...], call: Call) -> str:
        """``value`` in frames of ``shape``."""
        if self.builder.graph.values[value].shape == shape:
            return value
        return self.add(Reshape(shape), [value], call, f"{value}_reshaped")

    def is_final(self, value: Stream) -> bool:
        """Whether a tensor exists only once the whole sequence was seen."""
        timing = self.builder.graph.values[value.value].stream
        return timing is not None and timing.final

    def is_integer(self, value: Stream) -> bool:
        """Whether a tensor holds integers."""
        return self.builder.graph.values[value.value].dtype == "int32"

    def operands(self, call: Call, values: Sequence[Any], dims: tuple[int | None, ...]) -> list[str]:
        """Names of ``values`` (Stream, Constant, numbers) such that frames broadcast as the tensors do to ``dims``."""
        values = self.aligned(call, values)
        streams = [v for v in values if isinstance(v, Stream)]
        for value in streams:
            if self.is_integer(value):
                refuse(call, "arithmetic on integer inputs", "use an embedding or one_hot, or feed float values")
        return [self._operand(call, v, dims, len(streams) > 1) for v in values]

    def aligned(self, call: Call, values: Sequence[Any]) -> list[Any]:
        """``values`` such that all Streams have the same timing: what holds for a whole sequence holds at its end."""
        if not any(isinstance(v, Stream) and self.is_final(v) for v in values):
            return list(values)
        if self.segment and any(isinstance(v, Stream) and v.time is not None for v in values):
            return [self.spread(v) if isinstance(v, Stream) and self.is_final(v) else v for v in values]
        aligned = []
        for value in values:
            if isinstance(value, Stream) and not self.is_final(value):
                if value.time is not None:
                    refuse(
                        call,
                        "a value of the end of the sequence is combined with its frames: the future would be needed",
                        "combine only values of the same frame, or only values of the end; or convert whole segments "
                        f"({SEGMENT_REMEDY})",
                    )
                value = Stream(self.add(Last(), [value.value], call), value.dims)
            aligned.append(value)
        return aligned

    def spread(self, value: Stream) -> Stream:
        """A value of the end of a segment, as it enters each of its frames."""
        return Stream(self.builder.add1(Spread(), [value.value], f"{value.value}_whole"), value.dims)

    def _operand(self, call: Call, value: Any, dims: tuple[int | None, ...], equal_rank: bool) -> str:
        if isinstance(value, Varying):
            refuse(
                call,
                f"a number depends on the length of the sequence ({value.a} for {call.lengths()[0]} frames, "
                f"{value.b} for {call.lengths()[1]})",
                "scale by the length outside the model: a stream has no length",
            )
        if isinstance(value, int | float | bool):
            return self.builder.scalar(float(value))
        rank, time = len(dims), dims.index(None) if None in dims else None
        if isinstance(value, Constant):
            return self.builder.constant(uniform(call, value, rank, time).astype(np.float32), f"{call.name}_constant")
        padded: tuple[int | None, ...] = (1,) * (rank - len(value.dims)) + value.dims
        if time is not None and padded[time] not in (None, 1):
            refuse(call, "time and another axis of the same length are combined")
        if value.time is not None and padded.index(None) != time:
            refuse(call, "two different axes of time are combined", "transpose one of the operands")
        shape = tuple(n for k, n in enumerate(padded) if k != time and n is not None)
        return self.reshaped(value.value, shape, call) if equal_rank or value.time is None else value.value

    def binary(self, function: str, call: Call, a: Any, b: Any) -> Stream:
        """Elementwise ``function`` of two operands, broadcast to the call's result."""
        dims = plain_dims(call)
        return Stream(self.add(Binary(function), self.operands(call, [a, b], dims), call), dims)


def plain_dims(call: Call, result: int = 0) -> tuple[int | None, ...]:
    """Sizes of a result; refuses results whose sizes depend on the length in another way than being it."""
    dims = call.shapes[result]
    if any(n is not None and n < 0 for n in dims):
        refuse(
            call,
            "the size of its result depends on the length of the sequence, and is not the length itself",
            "keep one axis for time; flatten, join or cut only the other axes",
        )
    if dims.count(None) > 1:
        refuse(
            call,
            "every frame is combined with every other frame, as attention over the whole sequence does",
            "a streaming model cannot wait for the whole sequence; use recurrent layers",
        )
    return dims


def uniform(call: Call, value: Constant, rank: int, time: int | None) -> Array:
    """A constant operand for tensors of ``rank`` axes whose axis ``time`` is time, without that axis."""
    a, b = (_numpy(t) for t in (value.a, value.b))
    if time is None or a.ndim < rank - time:
        if not value.fixed:
            refuse(call, "a constant depends on the length of the sequence")
        return a
    axis = a.ndim - rank + time
    first: Array = a.take(0, axis)
    for array in (a, b):
        if not np.array_equal(array, np.broadcast_to(np.expand_dims(first, axis), array.shape)):
            refuse(
                call,
                "a constant changes along time, such as a positional encoding",
                "a streaming model must treat every frame alike; feed it as a further input",
            )
    return first


def fixed_array(call: Call, value: Any, what: str) -> Array:
    """A constant that does not depend on the length, as an array."""
    if not isinstance(value, Constant):
        refuse(call, f"its {what} must be a constant, not computed from the input", "make it a parameter or buffer")
    if not value.fixed:
        refuse(call, f"its {what} depends on the length of the sequence")
    return _numpy(value.a)


def _numpy(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array.astype(np.float32) if array.dtype in (np.float64, np.float16) else array


def stream_arg(call: Call, value: Any, what: str = "input") -> Stream:
    """An operand that must depend on the input."""
    if not isinstance(value, Stream):
        refuse(call, f"its {what} is a constant; it must be computed from the input of the model")
    return value


def number(call: Call, value: Any, what: str) -> float:
    """A plain number."""
    if not isinstance(value, bool | int | float):
        refuse(call, f"its {what} must be a number that does not depend on the sequence")
    return float(value)


def refuse(call: Call, reason: str, remedy: str = "replace it by operations of docs/operations.md") -> NoReturn:
    """Raise UnsupportedModelError for a call."""
    node = f"{call.target} ({call.path})" if call.path else call.target
    raise UnsupportedModelError(reason, node=node, source=call.source, remedy=remedy)


def several(*items: Stream | Constant) -> Several:
    """The results of a call with more than one."""
    return Several(items)
