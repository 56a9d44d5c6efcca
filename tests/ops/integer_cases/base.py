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

        return self._integer_input("int16", shape)

    def narrow_input(self, *shape: int) -> str:
        """As ``int16``, of int8."""
        return self._integer_input("int8", shape)

    def int16_state(self, *shape: int) -> str:
        """An int16 state with a random or extreme initial value."""
        return self._integer_state("int16", shape)

    def narrow_state(self, *shape: int) -> str:
        """As ``int16_state``, of int8."""
        return self._integer_state("int8", shape)

    def exact_state(self, shape: tuple[int, ...], low: int, high: int) -> str:
        """An int32 state without a scale, with initial values in [low, high]."""
        value = self.builder.value(f"s{len(self.graph.states)}", ValueType("int32", shape, StreamInfo()))
        initial = self.rng.integers(low, high + 1, shape).astype(np.int32)
        self.graph.states.append(State(value, shape, "int32", initial, before=value))
        return value

    def _draw(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        limits = np.iinfo(dtype)
        if self.kind == "random":
            return self.rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
        return self.rng.choice(np.array([limits.min, limits.max], dtype), shape)

    def _integer_input(self, dtype: str, shape: tuple[int, ...]) -> str:
        value = ValueType(dtype, shape, StreamInfo())
        name = self._input(f"x{len(self.graph.inputs)}", value, lambda: self._draw(dtype, shape))
        self.graph.inputs[-1] = replace(self.graph.inputs[-1], scale=2.0**-15)
        return name

    def _integer_state(self, dtype: str, shape: tuple[int, ...]) -> str:
        value = self.builder.value(f"s{len(self.graph.states)}", ValueType(dtype, shape, StreamInfo()))
        initial = self._draw(dtype, shape)
        self.graph.states.append(State(value, shape, dtype, initial, before=value, scale=2.0**-15))
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
