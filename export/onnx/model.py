"""Builds an ONNX model node by node."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Array
from edgernn.ops.dequantize import quantized_matrices
from edgernn.passes.scales import infer_scales, operand_key

OPSET, IR_VERSION = 20, 9
"""Opset and file version of ONNX 1.15, which onnxruntime 1.17 and later read."""

INTEGER_OPSET, INTEGER_IR_VERSION = 21, 10
"""Those of ONNX 1.16, the first with int16 in QuantizeLinear, which onnxruntime 1.18 and later read."""


class ModelBuilder:
    """Collects the nodes and initializers of one model.

    Values of the program that change over time have the shape (1, 1, *frame) here; constants keep theirs. Integers
    with a scale are the real values they stand for, in float32, between the ports and states, which are integers.
    ``node`` is the node of the program being lowered; node names in the file begin with its name. ``matrices`` are
    those that float layers read in int8, by the name of the value; ``scales`` those of integer values.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.node: Node | None = None
        self.matrices = quantized_matrices(graph)
        self.scales = infer_scales(graph)
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._taken: set[str] = set()
        self._inputs = [self._unique(p.name or "input") for p in graph.inputs]
        self._inputs += [self._unique(s.name or "state") for s in graph.states]
        self._outputs = [self._unique(p.name or "output") for p in graph.outputs]
        self._outputs += [self._unique(f"{s.name}_next") for s in graph.states]
        before = [*(p.value for p in graph.inputs), *(s.before for s in graph.states)]
        self._stored = dict(zip(before, self._inputs, strict=True))
        self._casts: dict[str, str] = {}
        self._names = {value: name for value, name in self._stored.items() if value not in self.scales}

    @property
    def scope(self) -> str:
        """Name of the node being lowered, or "" outside of all."""
        return "" if self.node is None else self.node.name

    def op(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> list[str]:
        """Append a node and return the names of its outputs."""
        names = [self._unique(f"{self.scope}_{kind}") for _ in range(outputs)]
        return self.op_named(kind, inputs, names, **attributes)

    def op1(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """``op`` for one output."""
        return self.op(kind, inputs, **attributes)[0]

    def op_named(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> list[str]:
        """Append a node whose outputs have these names, "" for one that is not wanted."""
        name = f"{self.scope or 'wiring'}.{kind}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), list(outputs), name=name, **attributes))
        return list(outputs)

    def fresh(self, hint: str) -> str:
        """A name for ``op_named``."""
        return self._unique(f"{self.scope}_{hint}")

    def constant(self, array: Array) -> str:
        """The name of an initializer with this content; equal ones are stored once."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self._initializers:
            self._initializers[key] = numpy_helper.from_array(array, self._unique("constant"))
        return str(self._initializers[key].name)

    def int4(self, array: Array) -> str:
        """As ``constant``, of int8 numbers from -8 to 7, which the file holds in four bits each."""
        key = ("int4", array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest())
        if key not in self._initializers:
            name, numbers = self._unique("constant"), array.reshape(-1)
            low, high = np.pad(numbers, (0, numbers.size % 2)).reshape(-1, 2).view(np.uint8).T & 15
            data = (low | high << 4).tobytes()
            self._initializers[key] = helper.make_tensor(name, TensorProto.INT4, array.shape, data, raw=True)
        return str(self._initializers[key].name)

    def ints(self, values: Sequence[int]) -> str:
        """An int64 initializer: shapes, axes, sizes."""
        return self.constant(np.asarray(values, np.int64))

    def scalar(self, value: float) -> str:
        """A float32 initializer of shape ()."""
        return self.constant(np.asarray(value, np.float32))

    def operand(self, value: str) -> str:
        """The name in the file of a value of the program; a constant keeps its own shape."""
        return self.constant(self._array(value)) if value in self.graph.constants else self._real(value)

    def frame(self, value: str) -> str:
        """As ``operand``, with the leading axes for a constant too."""
        if value not in self.graph.constants:
            return self._real(value)
        array = self._array(value)
        return self.constant(array.reshape((1,) * LEAD + array.shape))

    def integers(self, value: str) -> str:
        """The name in the file of the integers of a value that has a scale."""
        if value in self.graph.constants:
            return self.constant(self.graph.constants[value].reshape((1,) * LEAD + self.graph.values[value].shape))
        if value not in self._stored:
            zero = self.constant(np.zeros((), self.graph.values[value].dtype))
            self._stored[value] = self.op1("QuantizeLinear", [self.frame(value), self.scalar(self.scales[value]), zero])
        return self._stored[value]

    def scale(self, k: int) -> float:
        """Real value of one unit of operand ``k`` of the node being lowered, or of its result -1 - k for k < 0."""
        node = self.lowered()
        return self.scales[operand_key(self.graph, node, k) if k >= 0 else node.outputs[-1 - k]]

    def factor(self, k: int) -> tuple[str, float]:
        """Operand ``k`` of the node being lowered for a product with weights: its real values and their scale, or
        the integers of a port or state as float32 and 1, which the weights then stand for."""
        value = self.lowered().inputs[k]
        if value in self._stored and value not in self._names:
            return self._cast(value), 1.0
        return self.frame(value), self.scale(k)

    def lowered(self) -> Node:
        """The node being lowered."""
        if self.node is None:
            raise ValueError("no node is being lowered")
        return self.node

    def _real(self, value: str) -> str:
        """Cast and Mul, not DequantizeLinear: where that stands before a product, and QuantizeLinear behind it, ONNX
        Runtime rounds the weights anew, to 8 bits with one scale for all rows."""
        if value not in self._names:
            self._names[value] = self.op1("Mul", [self._cast(value), self.scalar(self.scales[value])])
        return self._names[value]

    def _cast(self, value: str) -> str:
        if value not in self._casts:
            self._casts[value] = self.op1("Cast", [self._stored[value]], to=onnx.TensorProto.FLOAT)
        return self._casts[value]

    def _array(self, value: str) -> Array:
        """A constant of the program; where it has a scale, the real values."""
        array, node = self.graph.constants[value], self.node
        key = "" if node is None or value not in node.inputs else f"{node.name}:{node.inputs.index(value)}"
        return np.asarray(array * self.scales[key], np.float32) if key in self.scales else array

    def weights(self, node: Node, values: Sequence[str]) -> list[Array]:
        """The arrays of operands of ``node`` that must be constants. Raises UnsupportedOpError."""
        for value in values:
            if value not in self.graph.constants:
                reason = f"its operand {value!r} must be a constant"
                raise UnsupportedOpError("onnx", node.op.kind, node.name, source=node.source, reason=reason)
        return [self.graph.constants[value] for value in values]

    def define(self, values: Sequence[str], names: Sequence[str]) -> None:
        """Record the names in the file of values of the program."""
        self._names.update(zip(values, names, strict=True))

    def finish(self) -> onnx.ModelProto:
        """Wire the outputs and return the model."""
        graph = self.graph
        self._wire([*(p.value for p in graph.outputs), *(s.after for s in graph.states)])
        inputs = [*((p.dtype, p.shape) for p in graph.inputs), *((s.dtype, s.shape) for s in graph.states)]
        outputs = [*((p.dtype, p.shape) for p in graph.outputs), *((s.dtype, s.shape) for s in graph.states)]
        body = helper.make_graph(
            self._nodes,
            graph.name or "model",
            [_value_info(n, *t) for n, t in zip(self._inputs, inputs, strict=True)],
            [_value_info(n, *t) for n, t in zip(self._outputs, outputs, strict=True)],
            list(self._initializers.values()),
        )
        opset, version = (INTEGER_OPSET, INTEGER_IR_VERSION) if self.scales else (OPSET, IR_VERSION)
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(body, producer_name="edgernn", opset_imports=opsets, ir_version=version)

    def _wire(self, values: Sequence[str]) -> None:
        """Give each output its name: the node that computes it takes the first, Identity nodes the others."""
        self.node = None
        stored = [self.integers(value) if value in self.scales else self.frame(value) for value in values]
        produced = {name for node in self._nodes for name in node.output}
        renamed: dict[str, str] = {}
        for name, output in zip(stored, self._outputs, strict=True):
            if name in produced and name not in renamed:
                renamed[name] = output
            else:
                self.op_named("Identity", [name], [output])
        for node in self._nodes:
            node.input[:] = [renamed.get(n, n) for n in node.input]
            node.output[:] = [renamed.get(n, n) for n in node.output]

    def _unique(self, hint: str) -> str:
        name, number = hint, 1
        while name in self._taken:
            number += 1
            name = f"{hint}_{number}"
        self._taken.add(name)
        return name


def _value_info(name: str, dtype: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    element_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, element_type, (1,) * LEAD + shape)
