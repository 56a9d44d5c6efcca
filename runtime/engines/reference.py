"""The definition of every op, in NumPy: slow, and what all other engines are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from edgernn.errors import MissingExtraError
from edgernn.ir.ernfile import read_ern
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ops import OPS
from edgernn.ops.dequantize import dequantized
from edgernn.runtime.engines.base import Engine, copy_states


class ReferenceEngine(Engine):
    """Evaluates a step program with ``Op.reference``, one frame at a time."""

    name: ClassVar[str] = "reference"

    def __init__(self, interface: Interface, graph: Graph) -> None:
        super().__init__(interface)
        self.graph = dequantized(graph)
        self._states = [state.initial for state in graph.states]

    def run(self, *frames: Array) -> tuple[Array, ...]:
        values = self.evaluate(frames)
        self._states = [values[s.after][-1] if s.after not in self.graph.constants else values[s.after]
                        for s in self.graph.states]  # fmt: skip
        return tuple(self._output(values, port.value) for port in self.graph.outputs)

    def evaluate(self, frames: Sequence[Array]) -> dict[str, Array]:
        """All values of one step, as blocks of one frame. The states do not advance."""
        graph = self.graph
        values: dict[str, Array] = dict(graph.constants)
        for port, frame in zip(graph.inputs, frames, strict=True):
            values[port.value] = frame[None]
        for state, array in zip(graph.states, self._states, strict=True):
            values[state.before] = array[None]
        for node in graph.nodes:
            carried = {i for i, _ in node.op.carried}
            operands = [
                values[n][-1] if k in carried and n not in graph.constants else values[n]
                for k, n in enumerate(node.inputs)
            ]
            with np.errstate(over="ignore", invalid="ignore"):
                values.update(zip(node.outputs, node.op.reference(*operands), strict=True))
        return values

    def get_states(self) -> list[Array]:
        return copy_states(self._states)

    def set_states(self, states: Sequence[Array]) -> None:
        self._states = copy_states(states)

    def _output(self, values: dict[str, Array], name: str) -> Array:
        block = values[name]
        return np.array(block if name in self.graph.constants else block[-1])


def missing() -> MissingExtraError | None:
    """NumPy is always there."""
    return None


def open(path: Path) -> ReferenceEngine:
    """Load an .ern file."""
    return ReferenceEngine(*read_ern(path, OPS))


def of_program(interface: Interface, graph: Graph) -> ReferenceEngine:
    """The engine of a step program in memory, as a stage of a segment is."""
    return ReferenceEngine(interface, graph)
