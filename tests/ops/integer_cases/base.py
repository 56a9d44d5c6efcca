"""Builds integer step programs with random and with extreme content."""

from dataclasses import replace

import numpy as np

from edgernn.ir.graph import State
from edgernn.ir.types import StreamInfo, ValueType
from tests.ops.cases.base import CaseBuilder

KINDS = ("random", "most_negative", "most_positive", "alternating")


class IntegerCaseBuilder(CaseBuilder):
    """As CaseBuilder, with int16 inputs and states and int8 weights.

    kind  "random"; or weights all -128, all 127, or alternating between them, with inputs at the ends of int16
    """

    def __init__(self, name: str, kind: str = "random") -> None:
        super().__init__(f"{name}_{kind}")
        self.kind = kind

    def int16(self, *shape: int) -> str:
        """An int16 input over the whole range, or at its ends."""

        def draw() -> np.ndarray:
            if self.kind == "random":
                return self.rng.integers(-32768, 32768, shape).astype(np.int16)
            return self.rng.choice(np.array([-32768, 32767], np.int16), shape)

        name = self._input(f"x{len(self.graph.inputs)}", ValueType("int16", shape, StreamInfo()), draw)
        self.graph.inputs[-1] = replace(self.graph.inputs[-1], scale=2.0**-15)
        return name

    def int16_state(self, *shape: int) -> str:
        """An int16 state with a random or extreme initial value."""
        value = self.builder.value(f"s{len(self.graph.states)}", ValueType("int16", shape, StreamInfo()))
        initial = self.rng.integers(-32768, 32768, shape).astype(np.int16)
        if self.kind != "random":
            initial = self.rng.choice(np.array([-32768, 32767], np.int16), shape)
        self.graph.states.append(State(value, shape, "int16", initial, before=value, scale=2.0**-15))
        return value

    def int8(self, *shape: int) -> str:
        """int8 weights."""
        content = {
            "random": lambda: self.rng.integers(-127, 128, shape),
            "most_negative": lambda: np.full(shape, -128),
            "most_positive": lambda: np.full(shape, 127),
            "alternating": lambda: np.where(np.arange(int(np.prod(shape))) % 2, 127, -128).reshape(shape),
        }[self.kind]()
        return self.builder.constant(content.astype(np.int8), "w")

    def multipliers(self, rows: int, columns: int) -> str:
        """Multipliers that bring typical sums to the range of int16, and some that saturate it."""
        typical = 2.0**32 * 20000 / (32768 * 73 * np.sqrt(columns))
        values = typical * self.rng.uniform(0.3, 3.0, rows)
        return self.builder.constant(np.minimum(values, 2**31 - 1).astype(np.int32), "m")

    def biases(self, rows: int, scale: int = 6000) -> str:
        """int32 biases."""
        return self.builder.constant(self.rng.integers(-scale, scale + 1, rows).astype(np.int32), "b")

    def state_carry(self, state: str, after: str) -> None:
        """As ``carry``, keeping the scale."""
        k = next(k for k, s in enumerate(self.graph.states) if s.name == state)
        self.graph.states[k] = replace(self.graph.states[k], after=after)
