"""Compares a running artifact with the PyTorch module, and tests what must hold of any stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgernn.ir.graph import Graph, Port
from edgernn.ir.op import Array
from edgernn.runtime.session import Session
from edgernn.validation.reference import Reference
from edgernn.validation.results import Latency, OutputError, PropertyResult
from edgernn.validation.sequences import Sequence_, frames_in

RELATIVE_TOLERANCE = 1e-5
ABSOLUTE_TOLERANCE = 1e-6
ROUNDING_FACTOR = 10.0
RMS_SHARE = 0.5
"""Of the tolerance of a quantized model: how large its root mean square error may be where single frames exceed it, as
those do at which a probability jumps from 0 to 1."""
CURVE_POINTS = 200
PREFIXES = (1, 2, 3, 5, 8, 13, 23)
MIN_TIMED = 100

Progress = Callable[[str, int, int], None]


@dataclass
class Expected:
    """What PyTorch gives for the test sequences, computed once for all artifacts.

    frames   for each sequence, outputs of kind "frame" as [T, *shape]
    finals   for each sequence, rows of (prefix length, output, value) for outputs of kind "final"
    tails    for each sequence, outputs of kind "frame" that are known before a tail of NaN, or None
    noise    output -> largest difference between PyTorch's float32 and float64
    peak     output -> largest absolute value
    relative  error allowed, relative to the peak
    """

    sequences: list[Sequence_]
    relative: float = RELATIVE_TOLERANCE
    frames: list[dict[str, Array]] = field(default_factory=list)
    finals: list[list[tuple[int, str, Array]]] = field(default_factory=list)
    tails: list[dict[str, Array] | None] = field(default_factory=list)
    noise: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)

    def tolerance(self, output: str) -> float:
        """Largest error allowed: relative to the peak, but not below the rounding of PyTorch's own float32."""
        allowed = self.relative * self.peak[output] + ABSOLUTE_TOLERANCE
        return max(allowed, ROUNDING_FACTOR * self.noise[output])

    def rms_tolerance(self, output: str) -> float:
        """Root mean square error with which single frames may exceed the tolerance: none of a float model may."""
        return RMS_SHARE * self.relative * self.peak[output] if self.relative > RELATIVE_TOLERANCE else 0.0


def expect(
    reference: Reference, program: Graph, sequences: list[Sequence_], relative: float = RELATIVE_TOLERANCE
) -> Expected:
    """Run the module over ``sequences``: whole, in prefixes, and with garbage after a frame."""
    expected = Expected(sequences, relative)
    frame_ports = [p.name for p in program.outputs if p.kind == "frame"]
    final_ports = [p.name for p in program.outputs if p.kind == "final"]
    for sequence in sequences:
        whole = reference.run(sequence)
        expected.frames.append({n: whole[n] for n in frame_ports})
        expected.finals.append(_prefixes(reference, program, sequence, whole, final_ports))
        expected.tails.append(_with_tail(reference, program, sequence, frame_ports))
        _note_precision(reference, expected, sequence, whole)
    return expected


def finite(expected: Expected) -> bool:
    """Whether the module gave finite values only."""
    values = [a for frames in expected.frames for a in frames.values()]
    values += [value for rows in expected.finals for _, _, value in rows]
    return all(bool(np.isfinite(a).all()) for a in values)


def _cut(program: Graph, sequence: Sequence_, stop: int) -> Sequence_:
    static = {p.name for p in program.inputs if p.kind == "static"}
    return {n: a if n in static else a[:stop] for n, a in sequence.items()}


def _prefixes(
    reference: Reference, program: Graph, sequence: Sequence_, whole: Mapping[str, Array], ports: list[str]
) -> list[tuple[int, str, Array]]:
    length = frames_in(program.inputs, sequence)
    rows = [(length, name, whole[name]) for name in ports]
    least = reference.captured.least_steps
    for stop in (n for n in PREFIXES if least <= n < length and ports):
        part = reference.run(_cut(program, sequence, stop))
        rows.extend((stop, name, part[name]) for name in ports)
    return rows


def _with_tail(reference: Reference, program: Graph, sequence: Sequence_, ports: list[str]) -> dict[str, Array] | None:
    """Outputs up to the middle, with NaN (or other indices) after it."""
    length = frames_in(program.inputs, sequence)
    middle = length // 2
    if middle <= program.delay or not ports or reference.captured.call.step:
        return None
    spoiled = dict(sequence)
    for port in program.inputs:
        if port.kind == "frame":
            array = sequence[port.name].copy()
            array[middle:] = np.nan if array.dtype.kind == "f" else (array[middle:] + 1) % (port.limit or 2)
            spoiled[port.name] = array
    outputs = reference.run(spoiled)
    return {n: outputs[n][: middle - program.delay] for n in ports}


def _note_precision(reference: Reference, expected: Expected, sequence: Sequence_, whole: Mapping[str, Array]) -> None:
    for name, noise in reference.rounding(sequence, whole).items():
        value = whole[name]
        peak = float(np.max(np.abs(value), initial=0.0))
        expected.noise[name] = max(noise, expected.noise.get(name, 0.0))
        expected.peak[name] = max(peak, expected.peak.get(name, 0.0))


def feed(
    session: Session, sequence: Sequence_, start: int = 0, stop: int | None = None, end: bool = False
) -> list[dict[str, Array]]:
    """Step through frames ``start`` to ``stop`` of a sequence, and ``end`` it; each result as a dict by output name."""
    single = len(session.inputs) == 1 and session.inputs[0].kind == "frame"
    static = {p.name: sequence[p.name] for p in session.inputs if p.kind == "static"}
    timed = [p.name for p in session.inputs if p.kind != "static"]
    results: list[Any] = []
    for t in range(start, len(sequence[timed[0]]) if stop is None else stop):
        if single:
            results.append(session.step(sequence[timed[0]][t]))
        else:
            results.append(session.step({**static, **{n: sequence[n][t] for n in timed}}))
    if end:
        results += session.flush(**static)
    name = session.outputs[0].name
    return [r if isinstance(r, dict) else {name: r} for r in results if r is not None]


def compare(session: Session, expected: Expected) -> list[OutputError]:
    """Errors of every output over all sequences."""
    differences: dict[str, list[Array]] = {p.name: [] for p in session.outputs}
    references: dict[str, list[Array]] = {p.name: [] for p in session.outputs}
    founds: dict[str, list[Array]] = {p.name: [] for p in session.outputs}
    for sequence, frames, finals in zip(expected.sequences, expected.frames, expected.finals, strict=True):
        session.reset()
        rows = feed(session, sequence, end=True)
        pairs = [(n, rows[t][n], value) for n, values in frames.items() for t, value in enumerate(values)]
        pairs += _at_ends(session, sequence, rows, finals)
        for name, found, value in pairs:
            differences[name].append(np.abs(found.astype(np.float64) - value))
            references[name].append(value)
            founds[name].append(found)
    return [
        _output_error(p, differences[p.name], references[p.name], founds[p.name], expected) for p in session.outputs
    ]


def _at_ends(
    session: Session, sequence: Sequence_, rows: list[dict[str, Array]], finals: list[tuple[int, str, Array]]
) -> Iterator[tuple[str, Array, Array]]:
    """Outputs of kind "final" and what is expected, after prefixes: each ended, where the model has a tail."""
    length = frames_in(session.inputs, sequence)
    ended = {length: rows}
    for stop in dict.fromkeys(stop for stop, _, _ in finals if stop not in ended):
        if session.tail:
            session.reset()
            ended[stop] = feed(session, sequence, stop=stop, end=True)
        else:
            ended[stop] = rows[: stop - session.delay]
    for stop, name, value in finals:
        yield name, ended[stop][-1][name], value


def _output_error(
    port: Port, differences: list[Array], references: list[Array], founds: list[Array], expected: Expected
) -> OutputError:
    d, r, f = np.stack(differences), np.stack(references).astype(np.float64), np.stack(founds)
    power = float(np.mean(np.square(d)))
    signal = float(np.mean(np.square(r)))
    finite = bool(np.isfinite(d).all())
    return OutputError(
        output=port.name,
        kind=port.kind,
        frames=len(d),
        max_error=float(d.max()) if finite else float("inf"),
        rms_error=power**0.5 if finite else float("inf"),
        reference_peak=expected.peak[port.name],
        sqnr_db=10 * float(np.log10(signal / power)) if power and signal else None,
        argmax_agreement=_argmax_agreement(r, f),
        tolerance=expected.tolerance(port.name),
        rms_tolerance=expected.rms_tolerance(port.name),
        error_by_frame=curve(d.reshape(len(d), -1).max(axis=1)),
    )


def _argmax_agreement(reference: Array, found: Array) -> float | None:
    if reference.ndim < 2 or reference.shape[-1] < 2:
        return None
    return float(np.mean(reference.argmax(axis=-1) == found.argmax(axis=-1)))


def curve(errors: Array, points: int = CURVE_POINTS) -> list[tuple[int, float]]:
    """``errors`` thinned to at most ``points``: the largest of each window, with the window's last index."""
    edges = np.unique(np.linspace(0, len(errors), min(points, len(errors)) + 1).astype(int))
    return [(int(b) - 1, float(errors[a:b].max())) for a, b in pairwise(edges)]


def properties(session: Session, expected: Expected, fresh: Callable[[], Session]) -> list[PropertyResult]:
    """Causality, reset and snapshot; ``fresh`` opens the artifact again."""
    longest = max(range(len(expected.sequences)), key=lambda k: len(next(iter(expected.sequences[k].values()))))
    sequence = expected.sequences[longest]
    results = [_reset(session, sequence), _snapshot(session, sequence, fresh)]
    if any(t is not None for t in expected.tails):
        results.insert(0, _causality(expected))
    return results


def _causality(expected: Expected) -> PropertyResult:
    """Whether the module gives the same for the frames before garbage as without it. ``compare`` has tested the
    artifact, which never sees later frames, against the latter.
    """
    worst, output = 0.0, ""
    for frames, tail in zip(expected.frames, expected.tails, strict=True):
        for name, values in (tail or {}).items():
            excess = excess_of(frames[name][: len(values)], values, expected.tolerance(name))
            if excess > worst:
                worst, output = excess, name
    passed = worst <= 1.0
    detail = (
        "outputs do not depend on later frames"
        if passed
        else f"output {output!r} of the module depends on later frames"
    )
    return PropertyResult("causality", passed, detail)


def excess_of(found: Array, wanted: Array, tolerance: float) -> float:
    """Largest difference in units of the tolerance; infinity where there is a NaN."""
    worst = float(np.max(np.abs(found - wanted), initial=0.0)) / tolerance
    return worst if worst == worst else float("inf")


def _same(a: list[dict[str, Array]], b: list[dict[str, Array]]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x[n], y[n]) for x, y in zip(a, b, strict=True) for n in x)


def _reset(session: Session, sequence: Sequence_) -> PropertyResult:
    """Two streams after resets from different states: the middle of the sequence, and its end."""
    session.reset()
    feed(session, sequence, stop=frames_in(session.inputs, sequence) // 3 + 1)
    session.reset()
    first = feed(session, sequence, end=True)
    session.reset()
    passed = _same(first, feed(session, sequence, end=True))
    return PropertyResult("reset", passed, "the same stream after reset" if passed else "another stream after reset")


def _snapshot(session: Session, sequence: Sequence_, fresh: Callable[[], Session]) -> PropertyResult:
    passed = True
    for middle in sorted({frames_in(session.inputs, sequence) // 2, session.delay // 2}):
        session.reset()
        feed(session, sequence, stop=middle)
        blob = session.snapshot()
        rest = feed(session, sequence, start=middle, end=True)
        session.restore(blob)
        passed = passed and _same(rest, feed(session, sequence, start=middle, end=True))
        with fresh() as other:
            other.restore(blob)
            passed = passed and _same(rest, feed(other, sequence, start=middle, end=True))
    detail = (
        "the same stream after restore, in this session and a new one" if passed else "another stream after restore"
    )
    return PropertyResult("snapshot", passed, detail)


def latency(session: Session, sequence: Sequence_, steps: int = 2000, budget_ns: int = 50_000_000) -> Latency:
    """Time of single steps, one by one; fewer where ``budget_ns`` is spent, but at least MIN_TIMED."""
    length = frames_in(session.inputs, sequence)
    frames = [{p.name: sequence[p.name] if p.kind == "static" else sequence[p.name][t % length]
               for p in session.inputs} for t in range(min(steps, 256))]  # fmt: skip
    inputs: list[Any] = [next(iter(f.values())) if len(f) == 1 else f for f in frames]
    step, times = session.every_step, np.empty(steps, np.int64)
    session.reset()
    begin, count = perf_counter_ns(), 0
    while count < steps and (count < MIN_TIMED or perf_counter_ns() - begin < budget_ns):
        frame = inputs[count % len(inputs)]
        start = perf_counter_ns()
        step(frame)
        times[count] = perf_counter_ns() - start
        count += 1
    low, median, p99 = (float(np.percentile(times[:count], q)) / 1000 for q in (0, 50, 99))
    return Latency(count, low, median, p99)
