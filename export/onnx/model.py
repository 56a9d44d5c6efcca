"""Builds an ONNX model node by node."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Array

OPSET = 20
IR_VERSION = 9
"""Opset and file version of ONNX 1.15, which onnxruntime 1.17 and later read."""


class ModelBuilder:
    """Collects the nodes and initializers of one model.

    Values of the program that change over time have the shape (1, 1, *frame) here; constants keep theirs.
    ``scope`` names the node of the program being lowered; node names in the file begin with it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scope = ""
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._taken: set[str] = set()
        self._inputs = [self._unique(p.name or "input") for p in graph.inputs]
        self._inputs += [self._unique(s.name or "state") for s in graph.states]
        self._outputs = [self._unique(p.name or "output") for p in graph.outputs]
        self._outputs += [self._unique(f"{s.name}_next") for s in graph.states]
        before = [*(p.value for p in graph.inputs), *(s.before for s in graph.states)]
        self._names = dict(zip(before, self._inputs, strict=True))

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

    def ints(self, values: Sequence[int]) -> str:
        """An int64 initializer: shapes, axes, sizes."""
        return self.constant(np.asarray(values, np.int64))

    def scalar(self, value: float) -> str:
        """A float32 initializer of shape ()."""
        return self.constant(np.asarray(value, np.float32))

    def operand(self, value: str) -> str:
        """The name in the file of a value of the program; a constant keeps its own shape."""
        return self._names[value] if value in self._names else self.constant(self.graph.constants[value])

    def frame(self, value: str) -> str:
        """As ``operand``, with the leading axes for a constant too."""
        if value in self._names:
            return self._names[value]
        array = self.graph.constants[value]
        return self.constant(array.reshape((1,) * LEAD + array.shape))

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
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(body, producer_name="edgernn", opset_imports=opsets, ir_version=IR_VERSION)

    def _wire(self, values: Sequence[str]) -> None:
        """Give each output its name: the node that computes it takes the first, Identity nodes the others."""
        self.scope = ""
        produced = {name for node in self._nodes for name in node.output}
        renamed: dict[str, str] = {}
        for value, output in zip(values, self._outputs, strict=True):
            name = self.frame(value)
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
