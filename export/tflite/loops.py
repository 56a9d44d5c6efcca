"""Loops over the steps of a segment, and operators that belong to no node of a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgernn.export.tflite.lower import INTEGER_VERSIONS
from edgernn.export.tflite.schema import schema
from edgernn.export.tflite.writer import TENSOR_TYPES, Quantization, Writer

BROADCAST_TO_VERSION = 2
NUMBERS = {
    "ADD": "Add", "MINIMUM": "MaximumMinimum", "MAXIMUM": "MaximumMinimum", "LESS": "Less", "NOT_EQUAL": "NotEqual",
}  # fmt: skip
"""Operators of numbers, and the names of their options."""


class Operators:
    """Appends operators to a subgraph. Series are tensors [steps, elements of a frame]."""

    def __init__(self, writer: Writer, scope: str) -> None:
        self.writer, self.scope = writer, scope

    def emit(
        self, code: str, inputs: Sequence[int], shape: Sequence[int], dtype: str, options: Any,
        version: int = 1, quantization: Quantization | None = None,
    ) -> int:  # fmt: skip
        """An operator with one result."""
        result = self.writer.tensor(self.scope, shape, dtype, quantization)
        self.writer.operator(code, inputs, [result], options, version)
        return result

    def ints(self, *values: int) -> int:
        """A constant int32 of one axis."""
        return self.writer.constant(np.array(values, np.int32), f"{self.scope}/constant")

    def number(self, code: str, a: int, b: int, dtype: str = "int32") -> int:
        """One of NUMBERS of two int32 tensors of one element."""
        return self.emit(code, [a, b], (1,), dtype, getattr(schema, f"{NUMBERS[code]}OptionsT")())

    def truth(self, code: str, a: int, b: int) -> int:
        """LESS or NOT_EQUAL as 1 or 0."""
        return self.cast(self.number(code, a, b, "bool"), "int32")

    def cast(self, x: int, dtype: str, quantization: Quantization | None = None) -> int:
        """The numbers that are stored in ``x`` in another dtype."""
        old = self.writer.dtype(x)
        if old == dtype:
            return x
        options = schema.CastOptionsT(inDataType=TENSOR_TYPES[old], outDataType=TENSOR_TYPES[dtype])
        return self.emit("CAST", [x], self.writer.shape(x), dtype, options, quantization=quantization)

    def reshape(self, x: int, shape: Sequence[int], quantization: Quantization | None = None) -> int:
        """A copy in another shape."""
        options = schema.ReshapeOptionsT(newShape=list(shape))
        dtype = self.writer.dtype(x)
        return self.emit("RESHAPE", [x, self.ints(*shape)], shape, dtype, options, quantization=quantization)

    def zeros(self, rows: int, size: int, dtype: str) -> int:
        """A series of zeros, which the file does not hold."""
        zero = self.writer.constant(np.zeros((1, 1), dtype), f"{self.scope}/zero")
        shape, options = (rows, size), schema.BroadcastToOptionsT()
        return self.emit("BROADCAST_TO", [zero, self.ints(*shape)], shape, dtype, options, BROADCAST_TO_VERSION)

    def row(self, series: int, index: int) -> int:
        """One row, [1, elements]."""
        shape, dtype = (1, self.writer.shape(series)[1]), self.writer.dtype(series)
        options = schema.GatherOptionsT(axis=0)
        return self.emit("GATHER", [series, index], shape, dtype, options, _version("GATHER", dtype))

    def with_row(self, series: int, row: int, index: int) -> int:
        """The series with another row in this place."""
        start = self.emit(
            "CONCATENATION", [index, self.ints(0)], (2,), "int32", schema.ConcatenationOptionsT(axis=0)
        )
        shape, dtype = self.writer.shape(series), self.writer.dtype(series)
        options = schema.DynamicUpdateSliceOptionsT()
        return self.emit("DYNAMIC_UPDATE_SLICE", [series, row, start], shape, dtype, options)

    def joined(self, series: int, more: int) -> int:
        """One series after the other."""
        (rows, size), dtype = self.writer.shape(series), self.writer.dtype(series)
        shape, options = (rows + self.writer.shape(more)[0], size), schema.ConcatenationOptionsT(axis=0)
        return self.emit("CONCATENATION", [series, more], shape, dtype, options, _version("CONCATENATION", dtype))

    def rows(self, series: int, first: int, count: int) -> int:
        """Some rows one after the other."""
        (rows, size), dtype = self.writer.shape(series), self.writer.dtype(series)
        if (first, count) == (0, rows):
            return series
        inputs, options = [series, self.ints(first, 0), self.ints(count, size)], schema.SliceOptionsT()
        return self.emit("SLICE", inputs, (count, size), dtype, options, _version("SLICE", dtype))


class Loop:
    """A WHILE in a subgraph. Its variables are known by their tensors in the body."""

    def __init__(self, writer: Writer, name: str) -> None:
        self.outside = writer
        self.condition, self.body = writer.subgraph(f"{name}/condition"), writer.subgraph(f"{name}/body")
        self._before: list[int] = []
        self._after: dict[int, int] = {}

    def variable(self, before: int, name: str) -> int:
        """A variable that begins as the tensor ``before``, and stays so unless ``set`` says otherwise."""
        kind = self.outside.shape(before), self.outside.dtype(before), self.outside.quantization(before)
        self._before.append(before)
        self.condition.inputs.append(self.condition.tensor(name, *kind))
        inside = self.body.tensor(name, *kind)
        self.body.inputs.append(inside)
        self._after[inside] = inside
        return inside

    def set(self, variable: int, after: int) -> None:
        """What a variable is after a turn: a tensor of the body, which is copied where it is another variable, or a
        constant: runtimes write variables one after the other."""
        if after != variable and (after in self._after or self.body.is_constant(after)):
            scope, quantization = f"copy_{variable}", self.body.quantization(after)
            after = Operators(self.body, scope).reshape(after, self.body.shape(after), quantization)
        self._after[variable] = after

    def in_condition(self, variable: int) -> int:
        """The tensor of a variable in the condition."""
        return self.condition.inputs[self.body.inputs.index(variable)]

    def run(self, condition: int) -> dict[int, int]:
        """Append the operator; ``condition`` is a tensor of the subgraph of this name. Returns the tensors of the
        variables after the last turn."""
        self.condition.outputs = [condition]
        self.body.outputs = list(self._after.values())
        kinds = [(self.outside.shape(x), self.outside.dtype(x), self.outside.quantization(x)) for x in self._before]
        results = [self.outside.tensor(f"{self.body.description}/result", *kind) for kind in kinds]
        options = schema.WhileOptionsT(condSubgraphIndex=self.condition.index, bodySubgraphIndex=self.body.index)
        self.outside.operator("WHILE", self._before, results, options)
        return dict(zip(self._after, results, strict=True))


def _version(code: str, dtype: str) -> int:
    return INTEGER_VERSIONS[code] if dtype in ("int8", "int16") else 1
