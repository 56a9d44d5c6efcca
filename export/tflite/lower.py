"""From ops to builtin operators of TensorFlow Lite: the table, and what its entries work with.

A value of frame shape S is a tensor of shape (1, *S): the batch axis that converters, delegates and
FULLY_CONNECTED expect. Operator versions are those that tflite-runtime 2.14, ai-edge-litert 2.x and
TensorFlow Lite Micro all register.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from edgernn.errors import UnsupportedOpError
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import Writer
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array, Op
from edgernn.passes.legalize import describe

BACKEND = "tflite"
NO_TENSOR = -1
NO_ACTIVATION = schema.ActivationFunctionType.NONE
RELU = schema.ActivationFunctionType.RELU
RELU6 = schema.ActivationFunctionType.RELU6
BINARY_OPTIONS = {
    "ADD": "AddOptionsT", "SUB": "SubOptionsT", "MUL": "MulOptionsT", "DIV": "DivOptionsT",
    "POW": "PowOptionsT", "MAXIMUM": "MaximumMinimumOptionsT", "MINIMUM": "MaximumMinimumOptionsT",
    "GREATER": "GreaterOptionsT",
}  # fmt: skip
MAX_AXES = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM"), 5),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), 5),
    **dict.fromkeys(("FULLY_CONNECTED", "BATCH_MATMUL", "CONCATENATION"), 5),
    **dict.fromkeys(("TRANSPOSE", "SLICE", "BROADCAST_TO"), 5),
    **dict.fromkeys(("STRIDED_SLICE", "POW", "GREATER", "SELECT_V2"), 4),
}
"""Axes, the batch axis among them, that all three runtimes take; some abort the process beyond."""


@dataclass(frozen=True)
class Lowering:
    """One node of ``graph`` on its way into a file; ``tensors`` are those of the values so far."""

    graph: Graph
    writer: Writer
    tensors: dict[str, int]
    node: Node

    def operand(self, k: int) -> int:
        """The tensor of operand ``k``."""
        return self.value(self.node.inputs[k])

    def operands(self) -> list[int]:
        """The tensors of all operands."""
        return [self.value(name) for name in self.node.inputs]

    def value(self, name: str) -> int:
        """The tensor of a value of the graph; a constant gets the batch axis too."""
        return tensor_of(self.graph, self.writer, self.tensors, name)

    def weight(self, k: int) -> Array:
        """Operand ``k`` as an array. Raises UnsupportedOpError unless it is a constant."""
        name = self.node.inputs[k]
        if name not in self.graph.constants:
            raise self.unsupported(f"operand {k} ({name!r}) must be a constant")
        return self.graph.constants[name]

    def constant(self, value: Any, dtype: str = "float32") -> int:
        """A constant tensor of exactly the shape of ``value``."""
        return self.writer.constant(np.asarray(value, dtype), f"{self.node.name}/constant")

    def result_shape(self, k: int = 0) -> tuple[int, ...]:
        """The tensor shape of result ``k``."""
        return (1, *self.graph.values[self.node.outputs[k]].shape)

    def emit(
        self, code: str, inputs: Sequence[int], shape: Sequence[int], options: Any = None,
        version: int = 1, dtype: str | None = None,
    ) -> int:  # fmt: skip
        """Append an operator with one result, of the dtype of the first input unless given."""
        axes = max(len(shape), *(len(self.writer.shape(x)) for x in inputs if x != NO_TENSOR))
        if axes > MAX_AXES.get(code, axes):
            limit = MAX_AXES[code] - 1
            raise self.unsupported(f"{code} takes frames of up to {limit} axes, found {axes - 1}")
        result = self.writer.tensor(self.node.name, shape, dtype or self.writer.dtype(inputs[0]))
        self.writer.operator(code, inputs, [result], options, version)
        return result

    def unsupported(self, reason: str) -> UnsupportedOpError:
        """The error for the current node."""
        return UnsupportedOpError(
            BACKEND, describe(self.node.op), self.node.name, source=self.node.source, reason=reason
        )

    def unary(self, code: str, x: int, options: Any = None) -> int:
        """An elementwise operator of one operand."""
        return self.emit(code, [x], self.writer.shape(x), options)

    def binary(self, code: str, a: int, b: int | float, activation: int = NO_ACTIVATION) -> int:
        """An elementwise operator of two operands, with broadcasting; a number stands for a constant.

        Only ADD, SUB, MUL and DIV fuse an activation.
        """
        right = self.scalar_like(a, b) if isinstance(b, float) else b
        shape = np.broadcast_shapes(self.writer.shape(a), self.writer.shape(right))
        options = getattr(schema, BINARY_OPTIONS[code])()
        if activation != NO_ACTIVATION:
            options.fusedActivationFunction = activation
        return self.emit(code, [a, right], shape, options, dtype="bool" if code == "GREATER" else None)

    def scalar_like(self, x: int, value: float) -> int:
        """A constant of one element with as many axes as ``x``."""
        return self.constant(np.full((1,) * len(self.writer.shape(x)), value))

    def fully_connected(self, x: int, w: Array, b: Array | None = None) -> int:
        """x (..., I) @ w (O, I).T + b (O)."""
        lead = self.writer.shape(x)[:-1]
        keep = len(lead) > 1
        inputs = [x, self.constant(w), NO_TENSOR if b is None else self.constant(b)]
        options = schema.FullyConnectedOptionsT(keepNumDims=keep)
        return self.emit("FULLY_CONNECTED", inputs, (*lead, len(w)), options, version=5 if keep else 1)

    def concat(self, parts: Sequence[int], axis: int) -> int:
        """The tensors one after the other along ``axis`` (negative)."""
        shape = list(self.writer.shape(parts[0]))
        shape[axis] = sum(self.writer.shape(part)[axis] for part in parts)
        options = schema.ConcatenationOptionsT(axis=len(shape) + axis)
        return self.emit("CONCATENATION", parts, shape, options)

    def split(self, x: int, count: int) -> list[int]:
        """Equal parts of the last axis."""
        *lead, size = self.writer.shape(x)
        shape = (*lead, size // count)
        parts = [self.writer.tensor(self.node.name, shape, self.writer.dtype(x)) for _ in range(count)]
        axis = self.constant(len(lead), "int32")
        self.writer.operator("SPLIT", [axis, x], parts, schema.SplitOptionsT(numSplits=count))
        return parts

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """The same elements in another shape; ``x`` itself where the shape is the same."""
        if self.writer.shape(x) == tuple(shape):
            return x
        return copy_tensor(self.writer, x, shape, self.node.name)

    def transpose(self, x: int, axes: Sequence[int]) -> int:
        """Axis k of the result is axis ``axes[k]`` of ``x`` (not negative)."""
        old = self.writer.shape(x)
        shape = tuple(old[a] for a in axes)
        moved = [a for a in axes if old[a] != 1]
        if moved == sorted(moved):
            return self.reshape(x, shape)
        return self.emit("TRANSPOSE", [x, self.constant(axes, "int32")], shape, schema.TransposeOptionsT())

    def reduce(self, code: str, x: int, axes: Sequence[int], keepdims: bool) -> int:
        """MEAN, SUM, REDUCE_MAX or REDUCE_MIN over ``axes`` (negative)."""
        old = self.writer.shape(x)
        dropped = sorted(len(old) + a for a in axes)
        kept = [(k, n) for k, n in enumerate(old) if keepdims or k not in dropped]
        shape = [1 if k in dropped else n for k, n in kept]
        if math.prod(old[k] for k in dropped) == 1:
            return self.reshape(x, shape)
        options = schema.ReducerOptionsT(keepDims=keepdims)
        return self.emit(code, [x, self.constant(dropped, "int32")], shape, options)


def tensor_of(graph: Graph, writer: Writer, tensors: dict[str, int], name: str) -> int:
    """The tensor of a value, among ``tensors`` or a constant of the graph, which gets the batch axis."""
    if name not in tensors:
        tensors[name] = writer.constant(graph.constants[name][None], name)
    return tensors[name]


def copy_tensor(writer: Writer, x: int, shape: Sequence[int], name: str) -> int:
    """The elements of ``x``, in ``shape``, in a tensor of their own."""
    result = writer.tensor(name, shape, writer.dtype(x))
    target = writer.constant(np.array(shape, np.int32), f"{name}/shape")
    writer.operator("RESHAPE", [x, target], [result], schema.ReshapeOptionsT(newShape=list(shape)))
    return result


@singledispatch
def lower(op: Op, to: Lowering) -> Sequence[int]:
    """Append the operators of ``to.node``, whose op is ``op``, and return the tensors of its results.

    The classes registered here are the ops that the backend knows.
    """
    raise to.unsupported("no lowering is registered")


def knows(op: Op) -> bool:
    """Whether a lowering is registered for the class of ``op``."""
    return lower.dispatch(type(op)) is not lower.dispatch(object)
