"""Nodes and initializers of an ONNX graph under construction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgernn.ir.op import Array


@dataclass
class Store:
    """What all graphs of a file share: names, of which each is given once, the number of nodes so far, and the
    initializers of the outermost."""

    nodes: int = 0
    taken: set[str] = field(default_factory=set)
    initializers: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = field(default_factory=dict)

    def unique(self, hint: str) -> str:
        """A name like ``hint`` that was not given before."""
        name, number = hint, 1
        while name in self.taken:
            number += 1
            name = f"{hint}_{number}"
        self.taken.add(name)
        return name


class NodeList:
    """The nodes of one graph in order."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.nodes: list[onnx.NodeProto] = []

    @property
    def scope(self) -> str:
        """With what the names of nodes and of their results begin."""
        return ""

    def op(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> list[str]:
        """Append a node and return the names of its outputs."""
        names = [self.store.unique(f"{self.scope}_{kind}") for _ in range(outputs)]
        return self.op_named(kind, inputs, names, **attributes)

    def op1(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """``op`` for one output."""
        return self.op(kind, inputs, **attributes)[0]

    def op_named(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> list[str]:
        """Append a node whose outputs have these names, "" for one that is not wanted."""
        name = f"{self.scope or 'wiring'}.{kind}.{self.store.nodes}"
        self.store.nodes += 1
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs), name=name, **attributes))
        return list(outputs)

    def fresh(self, hint: str) -> str:
        """A name for ``op_named``."""
        return self.store.unique(f"{self.scope}_{hint}")

    def constant(self, array: Array) -> str:
        """The name of an initializer with this content; equal ones are stored once."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self.store.initializers:
            self.store.initializers[key] = numpy_helper.from_array(array, self.store.unique("constant"))
        return str(self.store.initializers[key].name)

    def int4(self, array: Array) -> str:
        """As ``constant``, of int8 numbers from -8 to 7, which the file holds in four bits each."""
        key = ("int4", array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest())
        if key not in self.store.initializers:
            name, numbers = self.store.unique("constant"), array.reshape(-1)
            low, high = np.pad(numbers, (0, numbers.size % 2)).reshape(-1, 2).view(np.uint8).T & 15
            data = (low | high << 4).tobytes()
            self.store.initializers[key] = helper.make_tensor(name, TensorProto.INT4, array.shape, data, raw=True)
        return str(self.store.initializers[key].name)

    def ints(self, values: Sequence[int]) -> str:
        """An int64 initializer: shapes, axes, sizes."""
        return self.constant(np.asarray(values, np.int64))

    def scalar(self, value: float) -> str:
        """A float32 initializer of shape ()."""
        return self.constant(np.asarray(value, np.float32))
