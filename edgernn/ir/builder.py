"""Adds nodes and constants to a graph, inferring types as it goes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array, Op
from edgernn.ir.types import ValueType


def identifier(text: str) -> str:
    """``text`` as an identifier of C and Python: other characters become underscores."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "value"
    return f"v{name}" if name[0].isdigit() else name


class Builder:
    """Appends to ``graph``. Names are made unique; ``source`` marks all nodes added until changed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.source = ""

    def unique(self, hint: str) -> str:
        """A value name not used yet, near ``hint``."""
        base = identifier(hint)
        name, number = base, 1
        while name in self.graph.values:
            number += 1
            name = f"{base}_{number}"
        return name

    def constant(self, array: Array, hint: str = "constant") -> str:
        """Add a constant and return its name. float64 becomes float32 and int64 int32."""
        narrow = {"float64": "float32", "int64": "int32"}.get(str(array.dtype), str(array.dtype))
        name = self.unique(hint)
        self.graph.constants[name] = np.ascontiguousarray(array, dtype=narrow).reshape(array.shape)
        self.graph.values[name] = ValueType(narrow, tuple(array.shape))
        return name

    def scalar(self, value: float, hint: str = "scalar") -> str:
        """Add a float32 constant of shape ()."""
        return self.constant(np.asarray(value, dtype=np.float32), hint)

    def value(self, hint: str, value_type: ValueType) -> str:
        """Declare a value that an input or a state will define."""
        name = self.unique(hint)
        self.graph.values[name] = value_type
        return name

    def add(self, op: Op, inputs: Sequence[str], hint: str = "") -> tuple[str, ...]:
        """Append a node and return the names of its outputs. Raises ValueError from ``op.infer``."""
        types = op.infer(*self.graph.types(tuple(inputs)))
        hint = hint or op.kind
        outputs = []
        for value_type in types:
            outputs.append(self.value(hint, value_type))
        self.graph.nodes.append(Node(outputs[0], op, tuple(inputs), tuple(outputs), self.source))
        return tuple(outputs)

    def add1(self, op: Op, inputs: Sequence[str], hint: str = "") -> str:
        """``add`` for an op with one output."""
        return self.add(op, inputs, hint)[0]
