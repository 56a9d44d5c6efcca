"""From ops to builtin operators of TensorFlow Lite: the table, and what its entries work with.

A value of frame shape S is a tensor of shape (1, *S): the batch axis that converters, delegates and
FULLY_CONNECTED expect. Operator versions are those that tflite-runtime 2.14, ai-edge-litert 2.x and
TensorFlow Lite Micro all register.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from edgernn.errors import UnsupportedOpError
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import Quantization, Writer
from edgernn.ir.graph import Graph, Node
from edgernn.ir.legalize import describe
from edgernn.ir.op import Array, Op
from edgernn.ops import Dequantize
from edgernn.ops.dequantize import QuantizedMatrix, quantized_matrices
from edgernn.passes.scales import operand_key

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

INTEGER_VERSIONS = {
    **dict.fromkeys(("QUANTIZE", "CAST", "RESHAPE", "BATCH_MATMUL"), 1),
    **dict.fromkeys(("GATHER", "BROADCAST_TO", "RELU"), 2),
    **dict.fromkeys(("LOGISTIC", "TANH", "SOFTMAX", "CONCATENATION", "DEQUANTIZE", "MEAN"), 3),
    **dict.fromkeys(("ADD", "SUB", "MUL", "SPLIT", "SLICE", "STRIDED_SLICE", "TRANSPOSE"), 3),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), 3),
    "FULLY_CONNECTED": 7,
}
"""Versions of operators whose first data operand is int8 or int16."""


@dataclass(frozen=True)
class Lowering:
    """One node of ``graph`` on its way into a file; ``tensors`` are those of the values so far.

    scales    of integer values (``edgernn.passes.scales``)
    matrices  that float layers read in int8, by the name of the value
    """

    graph: Graph
    writer: Writer
    tensors: dict[str, int]
    node: Node
    scales: Mapping[str, float] = field(default_factory=dict)
    matrices: Mapping[str, QuantizedMatrix] = field(default_factory=dict)

    def operand(self, k: int) -> int:
        """The tensor of operand ``k``."""
        name, quantization = self.node.inputs[k], self._quantization(k)
        if name in self.graph.constants and quantization is not None:
            return self.writer.constant(self.graph.constants[name][None], name, quantization)
        return self.value(name)

    def table(self, k: int) -> int:
        """Operand ``k``, which must be a constant, without a batch axis."""
        array = self.weight(k)
        return self.writer.constant(array, f"{self.node.name}/table", self._quantization(k))

    def _quantization(self, k: int) -> Quantization | None:
        """That of operand ``k``, where it is a constant with a scale."""
        scale = self.scales.get(operand_key(self.graph, self.node, k))
        return None if scale is None else Quantization((scale,), (0,))

    def operands(self) -> list[int]:
        """The tensors of all operands."""
        return [self.operand(k) for k in range(len(self.node.inputs))]

    def value(self, name: str) -> int:
        """The tensor of a value of the graph; a constant gets the batch axis too."""
        return tensor_of(self.graph, self.writer, self.tensors, name)

    def weight(self, k: int) -> Array:
        """Operand ``k`` as an array. Raises UnsupportedOpError unless it is a constant."""
        name = self.node.inputs[k]
        if name not in self.graph.constants:
            raise self.unsupported(f"operand {k} ({name!r}) must be a constant")
        return self.graph.constants[name]

    def matrix(self, k: int) -> Array | QuantizedMatrix:
        """Operand ``k`` as a matrix of weights. Raises UnsupportedOpError unless it is a constant."""
        return self.matrices.get(self.node.inputs[k]) or self.weight(k)

    def constant(self, value: Any, dtype: str = "float32") -> int:
        """A constant tensor of exactly the shape of ``value``."""
        return self.writer.constant(np.asarray(value, dtype), f"{self.node.name}/constant")

    def result_shape(self, k: int = 0) -> tuple[int, ...]:
        """The tensor shape of result ``k``."""
        return (1, *self.graph.values[self.node.outputs[k]].shape)

    def emit(
        self, code: str, inputs: Sequence[int], shape: Sequence[int], options: Any = None,
        version: int = 1, dtype: str | None = None, scale: float | None = None,
    ) -> int:  # fmt: skip
        """Append an operator with one result, of the dtype of the first input unless given, and in units of
        ``scale``: where it moves integers, that of the first input unless given."""
        axes = max(len(shape), *(len(self.writer.shape(x)) for x in inputs if x != NO_TENSOR))
        if axes > MAX_AXES.get(code, axes):
            limit = MAX_AXES[code] - 1
            raise self.unsupported(f"{code} takes frames of up to {limit} axes, found {axes - 1}")
        result = self.result(inputs[0], shape, dtype, scale)
        self.writer.operator(code, inputs, [result], options, self.version(code, inputs, version))
        return result

    def result(
        self, like: int, shape: Sequence[int], dtype: str | None = None, scale: float | None = None
    ) -> int:
        """A tensor for a result: dtype and quantization of the tensor ``like`` unless given."""
        dtype = dtype or self.writer.dtype(like)
        quantization = None if scale is None else Quantization((scale,), (0,))
        if quantization is None and dtype == self.writer.dtype(like):
            quantization = self.writer.quantization(like)
        return self.writer.tensor(self.node.name, shape, dtype, quantization)

    def version(self, code: str, inputs: Sequence[int], version: int = 1) -> int:
        """The version of an operator with these inputs: ``version`` where none is int8 or int16."""
        integer = any(self.writer.dtype(x) in ("int8", "int16") for x in inputs if x != NO_TENSOR)
        return INTEGER_VERSIONS.get(code, version) if integer else version

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

    def fully_connected(self, x: int, w: Array | QuantizedMatrix, b: Array | None = None) -> int:
        """x (..., I) @ w (O, I).T + b (O)."""
        if isinstance(w, QuantizedMatrix):
            return self._fully_connected_int8(x, w, b)
        return self._product(x, self.constant(w), len(w), NO_TENSOR if b is None else self.constant(b))

    def _fully_connected_int8(self, x: int, w: QuantizedMatrix, b: Array | None) -> int:
        """The integers enter the product as float32, and the result is multiplied by the scales of the rows.

        The runtimes convert constants once, TensorFlow Lite Micro at each step. Their DEQUANTIZE with a scale for
        each row gives wrong values in Micro, and their products of float32 with int8 round the values to 8 bits.
        """
        integers = self.writer.constant(w.w, f"{self.node.name}/weights", Quantization((1.0,), (0,)))
        options, shape = schema.DequantizeOptionsT(), w.w.shape
        weights = self.emit("DEQUANTIZE", [integers], shape, options, dtype="float32")
        product = self._product(x, weights, len(w.w))
        row = (1,) * (len(self.writer.shape(product)) - 1) + (-1,)
        product = self.binary("MUL", product, self.constant(w.scale.reshape(row)))
        return product if b is None else self.binary("ADD", product, self.constant(b.reshape(row)))

    def _product(self, x: int, weights: int, rows: int, bias: int = NO_TENSOR) -> int:
        lead = self.writer.shape(x)[:-1]
        keep = len(lead) > 1
        options = schema.FullyConnectedOptionsT(keepNumDims=keep)
        inputs, version = [x, weights, bias], 5 if keep else 1
        return self.emit("FULLY_CONNECTED", inputs, (*lead, rows), options, version=version)

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
        parts = [self.result(x, shape) for _ in range(count)]
        axis = self.constant(len(lead), "int32")
        options, version = schema.SplitOptionsT(numSplits=count), self.version("SPLIT", [axis, x])
        self.writer.operator("SPLIT", [axis, x], parts, options, version)
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


def lower_program(graph: Graph, writer: Writer, tensors: dict[str, int], scales: Mapping[str, float]) -> None:
    """Append the operators of all nodes of a graph that this backend expresses. ``tensors`` are those of the input
    ports and states; those of the other values are added."""
    matrices = quantized_matrices(graph)
    for node in graph.nodes:
        if not isinstance(node.op, Dequantize):
            to = Lowering(graph, writer, tensors, node, scales, matrices)
            tensors.update(zip(node.outputs, lower(node.op, to), strict=True))


def tensor_of(graph: Graph, writer: Writer, tensors: dict[str, int], name: str) -> int:
    """The tensor of a value, among ``tensors`` or a constant of the graph, which gets the batch axis."""
    if name not in tensors:
        tensors[name] = writer.constant(graph.constants[name][None], name)
    return tensors[name]


def copy_tensor(writer: Writer, x: int, shape: Sequence[int], name: str) -> int:
    """The elements of ``x``, in ``shape``, in a tensor of their own."""
    result = writer.tensor(name, shape, writer.dtype(x), writer.quantization(x))
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
