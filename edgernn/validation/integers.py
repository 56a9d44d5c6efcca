"""Follows the integers of a model beside the real values that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops.evaluate import blocks, by_reference
from edgernn.ops.integer.saturation import observing
from edgernn.quant import Quantized
from edgernn.quant.layers import LAYERS
from edgernn.validation.integer_results import IntegerReport, Saturation, ValueFidelity
from edgernn.validation.sequences import Sequence_, frames_in, integer_input

MAX_FRAMES = 10_000
MIN_SEQUENCE = 400
ROUNDING = 1 + 1e-6
"""Values beyond a bound by less than this factor are within it: blocks of other sizes are rounded in another order."""

Progress = Callable[[str, int, int], None]


def integer_report(
    program: Graph, quantized: Quantized, sequences: Sequence[Sequence_], progress: Progress | None = None
) -> IntegerReport:
    """Run the float ``program`` and its integers over ``sequences`` of real input, or a part of at most MAX_FRAMES.

    Every real value is compared with the integers that stand for it, and every saturation is counted.
    """
    chosen = portion(program, sequences)
    pairs = _pairs(program, quantized)
    found = {pair.real: _Comparison() for pair in pairs}
    counter, frames = SaturationCounter(), 0
    for done, sequence in enumerate(chosen):
        if progress is not None:
            progress("comparing integers with floats", done, len(chosen))
        frames += frames_in(program.inputs, sequence)
        real = _values(program, sequence, {pair.real for pair in pairs})
        sequence = integer_input(quantized.traced.inputs, sequence)
        integers = _values(quantized.traced, sequence, {pair.integer for pair in pairs}, counter)
        for pair in pairs:
            found[pair.real].add(real[pair.real], integers[pair.integer] * pair.scale, pair.calibrated)
    values = [_fidelity(pair, found[pair.real]) for pair in pairs]
    return IntegerReport(len(chosen), frames, values, counter.rows(quantized.traced))


def joined(reports: Sequence[IntegerReport]) -> IntegerReport:
    """Of the stages of a model: each value where it was made, or first read."""
    values = {row.value: row for report in reversed(reports) for row in reversed(report.values)}
    order = dict.fromkeys(row.value for report in reports for row in report.values)
    saturation = [row for report in reports for row in report.saturation]
    frames = max(report.frames for report in reports)
    return IntegerReport(reports[0].sequences, frames, [values[name] for name in order], saturation)


@dataclass(frozen=True)
class _Pair:
    """A value of the float program, and the value of the integer program that stands for it."""

    real: str
    integer: str
    label: str
    op: str
    scheme: str
    dtype: str
    scale: float
    calibrated: float

    @property
    def represented(self) -> float:
        return self.scale * float(np.iinfo(self.dtype).max)


class SaturationCounter:
    """Counts, for each node and each part of its arithmetic, the values that were clipped."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], list[int]] = {}

    def compute(self, node: Node, operands: Sequence[Array]) -> Sequence[Array]:
        """The definition of a node, watched. For ``blocks``."""
        with observing(lambda parts, x, low, high: self._note(node.name, parts, x, low, high)):
            return node.op.reference(*operands)

    def _note(self, node: str, parts: str, x: Array, low: int, high: int) -> None:
        names = parts.split() or ["result"]
        x = np.asarray(x)
        outside = (x < low) | (x > high)
        groups = outside.reshape(-1, len(names), x.shape[-1] // len(names)) if len(names) > 1 else outside[None, None]
        for k, name in enumerate(names):
            entry = self.counts.setdefault((node, name), [0, 0])
            entry[0] += int(np.count_nonzero(groups[:, k]))
            entry[1] += groups[:, k].size

    def rows(self, program: Graph) -> list[Saturation]:
        """In order of execution."""
        order = {node.name: k for k, node in enumerate(program.nodes)}
        items = sorted(self.counts.items(), key=lambda item: order[item[0][0]])
        return [Saturation(layer, part, count, total) for (layer, part), (count, total) in items]


@dataclass
class _Comparison:
    """Sums over all frames of one value."""

    signal: float = 0.0
    noise: float = 0.0
    max_error: float = 0.0
    peak: float = 0.0
    outside: int = 0
    count: int = 0

    def add(self, real: Array, found: Array, bound: float) -> None:
        real = np.asarray(real, np.float64)
        error = np.abs(found - real)
        magnitude = np.abs(real)
        self.signal += float(np.sum(np.square(real)))
        self.noise += float(np.sum(np.square(error)))
        self.max_error = max(self.max_error, float(error.max(initial=0.0)))
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.outside += int(np.count_nonzero(magnitude > bound * ROUNDING))
        self.count += real.size


def portion(program: Graph, sequences: Sequence[Sequence_], limit: int = MAX_FRAMES) -> list[Sequence_]:
    """At most about ``limit`` frames: sequences spread over all, each from its beginning."""
    each = max(MIN_SEQUENCE, limit // len(sequences))
    timed = {p.name for p in program.inputs if p.kind != "static"}
    total = sum(min(each, frames_in(program.inputs, s)) for s in sequences)
    stride = -(-total // limit)
    return [{n: a[:each] if n in timed else a for n, a in s.items()} for s in list(sequences)[::stride]]


def _values(
    program: Graph, sequence: Sequence_, wanted: set[str], counter: SaturationCounter | None = None
) -> dict[str, Array]:
    """[T, *shape] of each wanted value."""
    parts: dict[str, list[Array]] = {name: [] for name in wanted}
    for values, size in blocks(program, sequence, "float32", counter.compute if counter else by_reference):
        for name in wanted:
            parts[name].append(np.broadcast_to(values[name], (size, *values[name].shape[1:])))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _pairs(program: Graph, quantized: Quantized) -> list[_Pair]:
    """All inputs and results that have a scale, in order."""
    rows = [(p.value, p.value, p.name, "input", "") for p in program.inputs]
    states = {s.after: s.name for s in program.states}
    for node in program.nodes:
        for name in node.outputs:
            label = states.get(name, name) if len(node.outputs) > 1 else node.name
            scheme = quantized.schemes[node.name] if isinstance(node.op, LAYERS) else ""
            rows.append((name, quantized.names[name], label, node.op.kind, scheme))
    return [
        _Pair(*row, **_integer_type(quantized, *row[:2]))
        for row in rows
        if row[1] in quantized.scales and program.values[row[0]].stream is not None
    ]


def _integer_type(quantized: Quantized, real: str, integer: str) -> dict[str, Any]:
    dtype, scale = quantized.traced.values[integer].dtype, quantized.scales[integer]
    known = quantized.ranges[real]
    return {"dtype": dtype, "scale": scale, "calibrated": known.narrow_bound if dtype == "int8" else known.bound}


def _fidelity(pair: _Pair, found: _Comparison) -> ValueFidelity:
    return ValueFidelity(
        value=pair.label, op=pair.op, scheme=pair.scheme, dtype=pair.dtype,
        sqnr_db=10 * float(np.log10(found.signal / found.noise)) if found.signal and found.noise else None,
        max_error=found.max_error, represented=pair.represented, calibrated=pair.calibrated,
        seen=found.peak, outside=found.outside / max(1, found.count),
    )  # fmt: skip
