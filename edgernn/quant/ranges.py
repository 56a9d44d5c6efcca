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
SAMPLES = 1 << 15
PERCENTILE = 99.99


@dataclass(frozen=True)
class Range:
    """Of a value: ``bound`` is what the scale must cover, ``peak`` the largest seen, ``rms`` the root mean square."""

    bound: float
    peak: float
    rms: float


class _Recorder:
    """Peak, energy and a sample of absolute values."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.peak, self.energy, self.count = 0.0, 0.0, 0
        self.samples: list[Array] = []

    def add(self, block: Array) -> None:
        magnitude = np.abs(block, dtype=np.float64).reshape(-1)
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.energy += float(np.sum(np.square(magnitude)))
        self.count += magnitude.size
        take = min(magnitude.size, SAMPLES // 8)
        self.samples.append(self.rng.choice(magnitude, take, replace=False) if take < magnitude.size else magnitude)

    def range(self, method: str, levels: int) -> Range:
        rms = (self.energy / max(1, self.count)) ** 0.5
        if method == "minmax" or self.peak == 0.0:
            return Range(self.peak, self.peak, rms)
        values = np.concatenate(self.samples)
        if method == "percentile":
            return Range(max(float(np.percentile(values, PERCENTILE)), 1e-9), self.peak, rms)
        return Range(_least_squares(values, self.peak, levels), self.peak, rms)


def _least_squares(values: Array, peak: float, levels: int) -> float:
    """The clipping bound that makes the mean squared error of rounding and clipping least."""
    bounds = peak * np.linspace(0.2, 1.0, 41)
    errors = [
        np.mean(np.square(np.maximum(values - b, 0.0))) + np.mean(values <= b) * (b / levels) ** 2 / 12 for b in bounds
    ]
    return float(bounds[int(np.argmin(errors))])


def collect_ranges(
    graph: Graph, sequences: Sequence[Mapping[str, Array]], method: str = "minmax", levels: int = 32767
) -> dict[str, Range]:
    """The range of every float value and state of ``graph``, by name.

    ``sequences`` are dicts of input name -> [T, *shape]; each starts from the initial states. ``levels`` is the
    largest integer of the target type, for "mse". Raises UsageError for an unknown method or no sequences.
    """
    if method not in METHODS:
        raise UsageError(f"calibration method {method!r}; methods are {', '.join(METHODS)}")
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
    return {name: recorder.range(method, levels) for name, recorder in recorders.items()}
