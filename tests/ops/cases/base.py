"""Builds step programs for the op cases."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.types import StreamInfo, ValueType

STEPS = 6


@dataclass
class Case:
    """A step program and ``STEPS`` frames for each input.

    tolerance  largest error of a float engine, relative to the largest absolute output (at least 1)
    """

    name: str
    graph: Graph
    frames: list[tuple[np.ndarray, ...]]
    tolerance: float = 1e-5
    skip: dict[str, str] = field(default_factory=dict)
    """Engine name -> why it cannot run this case."""

    def __str__(self) -> str:
        return self.name


class CaseBuilder:
    """Collects inputs, constants and states of a case, with random content seeded by the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.graph = Graph("case")
        self.builder = Builder(self.graph)
        self.generators: list[Callable[[], np.ndarray]] = []

    def input(self, *shape: int, low: float | None = None) -> str:
        """A float input of standard normal values, shifted to be above ``low`` if given."""

        def draw() -> np.ndarray:
            values = self.rng.standard_normal(shape)
            return (np.abs(values) + low if low is not None else values).astype(np.float32)

        return self._input(f"x{len(self.graph.inputs)}", ValueType("float32", shape, StreamInfo()), draw)

    def tokens(self, limit: int, *shape: int) -> str:
        """An int32 input with values in [0, limit)."""
        name = self._input(
            f"x{len(self.graph.inputs)}",
            ValueType("int32", shape, StreamInfo()),
            lambda: self.rng.integers(0, limit, shape).astype(np.int32),
        )
        port = self.graph.inputs[-1]
        self.graph.inputs[-1] = Port(port.name, port.shape, port.dtype, limit=limit, value=port.value)
        return name

    def weight(self, *shape: int, scale: float = 0.4) -> str:
        """A random constant."""
        return self.builder.constant((self.rng.standard_normal(shape) * scale).astype(np.float32), "w")

    def state(self, *shape: int, scale: float = 0.5) -> str:
        """A state with a random initial value; ``carry`` says what it becomes."""
        value = self.builder.value(f"s{len(self.graph.states)}", ValueType("float32", shape, StreamInfo()))
        initial = (self.rng.standard_normal(shape) * scale).astype(np.float32)
        self.graph.states.append(State(value, shape, "float32", initial, before=value))
        return value

    def carry(self, state: str, after: str) -> None:
        """Make ``after`` the next value of ``state``."""
        k = next(k for k, s in enumerate(self.graph.states) if s.name == state)
        old = self.graph.states[k]
        self.graph.states[k] = State(old.name, old.shape, old.dtype, old.initial, state, after)

    def done(self, *outputs: str, tolerance: float = 1e-5, skip: dict[str, str] | None = None) -> Case:
        """Close the program with these outputs."""
        for k, name in enumerate(outputs):
            value = self.graph.values[name]
            self.graph.outputs.append(Port(f"y{k}", value.shape, value.dtype, value=name))
        check_graph(self.graph)
        frames = [tuple(draw() for draw in self.generators) for _ in range(STEPS)]
        return Case(self.name, self.graph, frames, tolerance, skip or {})

    def _input(self, hint: str, value_type: ValueType, draw: Callable[[], np.ndarray]) -> str:
        name = self.builder.value(hint, value_type)
        self.graph.inputs.append(Port(name, value_type.shape, value_type.dtype, value=name))
        self.generators.append(draw)
        return name
