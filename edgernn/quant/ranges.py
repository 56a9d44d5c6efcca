"""Ranges of all values over real sequences, with the state carried through each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ops.evaluate import blocks

METHODS = ("minmax", "percentile", "mse")
WIDE_LEVELS, NARROW_LEVELS = 32767, 127
SAMPLES = 1 << 15
PERCENTILE = 99.99
ENDLESS = 1e30
"""Magnitudes from here on stand for infinity, as what a maximum over time starts from: they saturate."""


@dataclass(frozen=True)
class Range:
    """Of a value: ``bound`` is what its scale must cover as int16, ``narrow_bound`` as int8; ``peak`` is the largest
    seen, ``rms`` the root mean square."""

    bound: float
    peak: float
    rms: float
    narrow_bound: float


class _Recorder:
    """Peak, energy and a sample of absolute values."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.peak, self.energy, self.count = 0.0, 0.0, 0
        self.samples: list[Array] = []

    def add(self, block: Array) -> None:
        magnitude = np.abs(block, dtype=np.float64).reshape(-1)
        magnitude = magnitude[magnitude < ENDLESS]
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.energy += float(np.sum(np.square(magnitude)))
        self.count += magnitude.size
        take = min(magnitude.size, SAMPLES // 8)
        self.samples.append(self.rng.choice(magnitude, take, replace=False) if take < magnitude.size else magnitude)

    def range(self, method: str) -> Range:
        rms = (self.energy / max(1, self.count)) ** 0.5
        if method == "minmax" or self.peak == 0.0:
            return Range(self.peak, self.peak, rms, self.peak)
        values = np.concatenate(self.samples)
        if method == "percentile":
            bound = max(float(np.percentile(values, PERCENTILE)), 1e-9)
            return Range(bound, self.peak, rms, bound)
        bound, narrow = (_least_squares(values, self.peak, levels) for levels in (WIDE_LEVELS, NARROW_LEVELS))
        return Range(bound, self.peak, rms, narrow)


def _least_squares(values: Array, peak: float, levels: int) -> float:
    """The clipping bound that makes the mean squared error of rounding and clipping least."""
    bounds = peak * np.linspace(0.2, 1.0, 41)
    errors = [
        np.mean(np.square(np.maximum(values - b, 0.0))) + np.mean(values <= b) * (b / levels) ** 2 / 12 for b in bounds
    ]
    return float(bounds[int(np.argmin(errors))])


class Observations:
    """What calibration has seen of every float value and state of a step program."""

    def __init__(self, recorders: Mapping[str, _Recorder]) -> None:
        self._recorders = recorders
        self._ranges: dict[tuple[str, str], Range] = {}

    def ranges(self, method: str = "minmax", others: Mapping[str, str] | None = None) -> dict[str, Range]:
        """The range of each value by ``method``, or by that of ``others`` (value -> method).

        Raises UsageError for an unknown method.
        """
        methods = {name: (others or {}).get(name, method) for name in self._recorders}
        for name in (method, *methods.values()):
            check_method(name)
        return {name: self._range(name, chosen) for name, chosen in methods.items()}

    def _range(self, name: str, method: str) -> Range:
        if (name, method) not in self._ranges:
            self._ranges[name, method] = self._recorders[name].range(method)
        return self._ranges[name, method]


def check_method(method: str) -> None:
    """Raise UsageError for a method that is not in METHODS."""
    if method not in METHODS:
        raise UsageError(f"calibration method {method!r}; methods are {', '.join(METHODS)}")


def observe(graph: Graph, sequences: Sequence[Mapping[str, Array]]) -> Observations:
    """Run ``graph``, in float32, over ``sequences``: dicts of input name -> [T, *shape], each from the initial states.

    Raises UsageError where there are none.
    """
    if not sequences:
        raise UsageError("calibration needs at least one sequence of real input")
    rng = np.random.default_rng(0)
    recorders: dict[str, _Recorder] = {}
    for sequence in sequences:
        for values, _ in blocks(graph, sequence, "float32"):
            for name, block in values.items():
                if name not in graph.constants and block.dtype.kind == "f":
                    recorders.setdefault(name, _Recorder(rng)).add(block)
    for state in graph.states:
        if state.dtype == "float32":
            recorders[state.before].add(state.initial)
    return Observations(recorders)
