"""Builds an ONNX model node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from edgernn.errors import UnsupportedOpError
from edgernn.export.onnx.nodes import NodeList, Store
from edgernn.ir.graph import Graph, Node, Port, State
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Array, Op
from edgernn.ops import Dequantize
from edgernn.ops.dequantize import quantized_matrices
from edgernn.passes.scales import infer_scales, operand_key

OPSET, IR_VERSION = 20, 9
"""Opset and file version of ONNX 1.15, which onnxruntime 1.17 and later read."""

INTEGER_OPSET, INTEGER_IR_VERSION = 21, 10
"""Those of ONNX 1.16, the first with int16 in QuantizeLinear, which onnxruntime 1.18 and later read."""


class ModelBuilder(NodeList):
    """Collects the nodes of one program.

    Values of the program that change over time have the shape (1, 1, *frame) here; constants keep theirs. Integers
    with a scale are the real values they stand for, in float32, between the ports and states, which are integers.
    ``node`` is the node of the program being lowered; node names in the file begin with its name. ``matrices`` are
    those that float layers read in int8, by the name of the value; ``scales`` those of integer values.
    """

    def __init__(
        self, graph: Graph, store: Store | None = None, given: Mapping[str, str] | None = None, direction: str = ""
    ) -> None:
        """``given``: values of input ports and states that are there already -> their names in the file. The others
        are inputs of the graph. ``direction``, "forward" or "reverse": the nodes take all frames of a segment at once,
        values have the shape (steps, 1, *frame)."""
        super().__init__(store or Store())
        self.graph, self.direction, given = graph, direction, given or {}
        self.node: Node | None = None
        self.matrices = quantized_matrices(graph)
        self.scales = infer_scales(graph)
        self.inputs = [
            (end, value, self.store.unique(end.name or hint))
            for end, value, hint in _beginnings(graph) if value not in given
        ]  # fmt: skip
        self._outputs = [self.store.unique(p.name or "output") for p in graph.outputs]
        self._outputs += [self.store.unique(f"{s.name}_next") for s in graph.states]
        self._stored = {value: name for _, value, name in self.inputs} | dict(given)
        self._casts: dict[str, str] = {}
        self._names = {value: name for value, name in self._stored.items() if value not in self.scales}

    @property
    def scope(self) -> str:
        """Name of the node being lowered, or "" outside of all."""
        return "" if self.node is None else self.node.name

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

    def lower_all(self, lower: Callable[[Op, Node, ModelBuilder], list[str]]) -> None:
        """Append what ``lower`` makes of each node of the program."""
        for node in self.graph.nodes:
            if not isinstance(node.op, Dequantize):
                self.node = node
                self.define(node.outputs, lower(node.op, node, self))
        self.node = None

    def stored(self, value: str) -> str:
        """The name in the file of a value as ports and states have it: integers where it has a scale."""
        return self.integers(value) if value in self.scales else self.frame(value)

    def finish(self, name: str) -> onnx.GraphProto:
        """Wire the outputs, ports and then states, and return the graph. The initializers are in the store."""
        graph = self.graph
        self._wire([*(p.value for p in graph.outputs), *(s.after for s in graph.states)])
        ends: list[Port | State] = [*graph.outputs, *graph.states]
        after = zip(self._outputs, ends, strict=True)
        return helper.make_graph(
            self.nodes,
            name,
            [value_info(found, end.dtype, (1,) * LEAD + end.shape) for end, _, found in self.inputs],
            [value_info(found, end.dtype, (1,) * LEAD + end.shape) for found, end in after],
        )

    def _wire(self, values: Sequence[str]) -> None:
        """Give each output its name: the node that computes it takes the first, Identity nodes the others."""
        stored = [self.stored(value) for value in values]
        produced = {name for node in self.nodes for name in node.output}
        renamed: dict[str, str] = {}
        for name, output in zip(stored, self._outputs, strict=True):
            if name in produced and name not in renamed:
                renamed[name] = output
            else:
                self.op_named("Identity", [name], [output])
        for node in self.nodes:
            node.input[:] = [renamed.get(n, n) for n in node.input]
            node.output[:] = [renamed.get(n, n) for n in node.output]


def model_of(graph: onnx.GraphProto, store: Store, integer: bool) -> onnx.ModelProto:
    """The file of the outermost graph; ``integer``: of integers with scales."""
    graph.initializer.extend(store.initializers.values())
    opset, version = (INTEGER_OPSET, INTEGER_IR_VERSION) if integer else (OPSET, IR_VERSION)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, producer_name="edgernn", opset_imports=opsets, ir_version=version)


def value_info(name: str, dtype: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    """The declaration of an input or output."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def _beginnings(graph: Graph) -> Iterator[tuple[Port | State, str, str]]:
    """What a step begins with: the port or state, its value, and a name for want of one."""
    yield from ((p, p.value, "input") for p in graph.inputs)
    yield from ((s, s.before, "state") for s in graph.states)

