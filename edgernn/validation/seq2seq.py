"""Compares a model of two parts with its PyTorch module: scores after each symbol of targets, and what it writes."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
import torch

from edgernn.capture import evaluating, first_line
from edgernn.capture.spec import InputSpec
from edgernn.errors import EngineError, FrameError, ValidationError
from edgernn.ir.op import Array
from edgernn.ir.seq2seq import FRAMES_STATE, Seq2SeqProgram
from edgernn.ops.seq2seq import run_seq2seq
from edgernn.runtime import load
from edgernn.runtime.seq2seq import Seq2SeqSession
from edgernn.validation import checks
from edgernn.validation.proof import relative_tolerance
from edgernn.validation.results import ArtifactReport, Latency, OutputError, PropertyResult
from edgernn.validation.segments import output_error
from edgernn.validation.sequences import Sequence_, integer_input, random_input

TARGET = "targets"
"""Key of a sequence under which the symbols of the target stand, beside the inputs of the encoder."""

RANDOM_SOURCES = 4
MOST_PAIRS = 8
MOST_SYMBOLS = 12
TIMED_STEPS = 100
NEAR = 20.0
"""A choice between symbols whose scores differ by less than so many tolerances may be made either way."""


class Seq2SeqReference:
    """Runs the module as an artifact is run. ``original`` is what the module is of, for reports."""

    original = "PyTorch"

    def __init__(self, module: Any, source: InputSpec, program: Seq2SeqProgram, least_steps: int) -> None:
        self.module, self.source, self.program, self.least_steps = module, source, program, least_steps
        self.port = program.encode.inputs[0]
        self._double: Any = None

    def run(self, pair: Sequence_, double: bool = False) -> Array:
        """Scores [U, V] of the symbols of the target. Raises ValidationError where the module fails."""
        module = self._in_double() if double else self.module
        target = torch.from_numpy(pair[TARGET].astype(np.int64))[None]
        try:
            with evaluating(module):
                scores: Array = module(self._tensor(pair, double), target)[0].numpy()
        except Exception as error:
            reason, length = f"{type(error).__name__}: {first_line(error)}", len(pair[self.port.name])
            raise ValidationError(f"the module fails on a source of {length} frames: {reason}") from error
        return scores

    def rounding(self, pair: Sequence_, scores: Array) -> float:
        """Largest difference between ``scores``, computed in float32, and float64."""
        try:
            exact = self.run(pair, double=True)
        except Exception:  # the module insists on float32, in whatever way its code fails
            exact = scores
        return float(np.max(np.abs(exact - scores), initial=0.0))

    def generate(self, pair: Mapping[str, Array], beam: int | None = None) -> list[int]:
        """What the module writes."""
        with evaluating(self.module):
            return list(self.module.generate(self._tensor(pair), beam))

    def written(self, pair: Mapping[str, Array]) -> Array:
        """What the module writes, with its end where it comes to one: a target."""
        symbols = self.generate(pair)
        most = self.program.writing.max_output
        return np.asarray([*symbols, self.program.writing.end][:most], np.int32)

    def _tensor(self, pair: Mapping[str, Array], double: bool = False) -> torch.Tensor:
        sizes = [n for n in self.source.shape if n is not None]
        array = np.moveaxis(np.asarray(pair[self.port.name]).reshape(-1, *sizes), 0, self.source.time or 0)
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if not tensor.is_floating_point():
            return tensor.to(torch.int64)
        return tensor.to(torch.float64 if double else torch.float32)

    def _in_double(self) -> Any:
        if self._double is None:
            self._double = copy.deepcopy(self.module).double()
        return self._double


class Seq2SeqProof:
    """What the module gives for random pairs and those of calibration, and the checks against it."""

    def __init__(
        self, reference: Seq2SeqReference, floats: Seq2SeqProgram, quantized: Seq2SeqProgram | None,
        calibration: Sequence[Sequence_] | None,
    ) -> None:  # fmt: skip
        """``floats`` is in float32; ``quantized`` is what runs, where that is another one."""
        self.reference, self.floats, self.quantized = reference, floats, quantized
        self.program = quantized or floats
        self.interface = self.program.interface()
        self.calibration = list(calibration or [])

    @property
    def in_integers(self) -> bool:
        """Whether what runs computes in integers, so that it takes only input of the ranges it was made for."""
        return self.interface.outputs[0].scale is not None

    def pairs(self) -> list[Sequence_]:
        """Sources with targets: random ones, unless in integers, and those of calibration."""
        chosen = self.calibration[:: max(1, len(self.calibration) // MOST_PAIRS)][:MOST_PAIRS]
        real = [{**p, TARGET: p[TARGET][:MOST_SYMBOLS]} for p in chosen]
        if self.in_integers:
            return real
        rng, most, port = np.random.default_rng(1), self.floats.encode.max_steps, self.reference.port
        least = min(self.reference.least_steps, most)
        lengths = sorted({least, most, *rng.integers(least, most + 1, RANDOM_SOURCES).tolist()})
        symbols, count = self.interface.outputs[0].size, min(MOST_SYMBOLS, self.interface.writing.max_output)  # type: ignore[union-attr]
        return [
            {port.name: random_input(port, n, rng), TARGET: rng.integers(0, symbols, count).astype(np.int32)}
            for n in lengths
        ] + real

    @cached_property
    def expected(self) -> checks.Expected:
        """What PyTorch gives for all pairs. Raises ValidationError where it is not finite."""
        expected = checks.Expected(self.pairs(), relative_tolerance(self.interface.scheme))
        name = self.interface.outputs[0].name
        for pair in expected.sequences:
            scores = self.reference.run(pair)
            expected.frames.append({name: scores})
            expected.noise[name] = max(self.reference.rounding(pair, scores), expected.noise.get(name, 0.0))
            expected.peak[name] = max(float(np.abs(scores).max(initial=0.0)), expected.peak.get(name, 0.0))
        if not checks.finite(expected):
            raise ValidationError("the module gives infinities or NaN for the test sources")
        return expected

    def check(
        self, path: Path, engine: str = "auto", *, drift_steps: int = 0, progress: checks.Progress | None = None,
        label: str = "",
    ) -> ArtifactReport:  # fmt: skip
        """Load the artifact and compare. There is no drift, whatever ``drift_steps`` is: each source starts anew."""
        start = time.perf_counter()
        session = load(path, engine)
        load_ms = (time.perf_counter() - start) * 1000
        with session:
            if not isinstance(session, Seq2SeqSession):
                mode = session.interface.mode
                raise EngineError(f"{label or path}: mode {mode!r}; an encoder with a decoder was expected")
            if session.interface.fingerprint != self.interface.fingerprint:
                raise ValidationError(f"{label or path}: the artifact was made from another model or other weights")
            report = ArtifactReport(label or str(path), session.engine, os.path.getsize(path), load_ms)
            if progress is not None:
                progress(f"{session.engine}: compare", 0, 1)
            report.outputs = [self._scores(session)]
            report.properties = [
                self._memory(session), self._independence(session), self._snapshot(session, load(path, session.engine)),
                self._length(session), self._generation(session),
            ]  # fmt: skip
            if self.quantized is not None:
                report.properties.append(self._identity(session, self.quantized))
            report.latency = self._latency(session)
        return report

    def _scores(self, session: Seq2SeqSession) -> OutputError:
        port = self.interface.outputs[0]
        found = np.concatenate([all_scores(session, pair) for pair in self.expected.sequences]).astype(np.float64)
        wanted = np.concatenate([f[port.name] for f in self.expected.frames]).astype(np.float64)
        return output_error(port.name, port.kind, found, wanted, self.expected)

    def _memory(self, session: Seq2SeqSession) -> PropertyResult:
        """What stands behind the last frame of memory, whatever it is, changes nothing."""
        pair = min(self.expected.sequences, key=lambda p: len(p[self.reference.port.name]))
        wanted = all_scores(session, pair)
        passed = np.array_equal(wanted, all_scores(session, pair, spoilt=True))
        detail = "the same whatever stands behind the source" if passed else "it reads memory behind the source"
        return PropertyResult("memory", passed, detail)

    def _independence(self, session: Seq2SeqSession) -> PropertyResult:
        """A source gives the same after another one."""
        first, other = self.expected.sequences[-1], self.expected.sequences[0]
        before = all_scores(session, first)
        all_scores(session, other)
        passed = np.array_equal(before, all_scores(session, first))
        detail = "the same after another source" if passed else "a source depends on the one before"
        return PropertyResult("independence", passed, detail)

    def _snapshot(self, session: Seq2SeqSession, other: Any) -> PropertyResult:
        """Another session goes on from a snapshot."""
        pair = self.expected.sequences[-1]
        wanted = all_scores(session, pair)
        session.encode(pair[self.reference.port.name])
        symbols = read_symbols(session, pair)
        session.step(symbols[0])
        with other:
            other.restore(session.snapshot())
            rows = [np.asarray(other.step(symbol)).reshape(-1) for symbol in symbols[1:]]
        passed = all(np.array_equal(a, b) for a, b in zip(rows, wanted[1:], strict=True))
        detail = "a new session continues exactly" if passed else "a new session continues otherwise"
        return PropertyResult("snapshot", passed, detail)

    def _length(self, session: Seq2SeqSession) -> PropertyResult:
        """Longer sources are refused."""
        port = self.reference.port
        try:
            session.encode(random_input(port, self.floats.encode.max_steps + 1, np.random.default_rng(2)))
        except FrameError:
            return PropertyResult("length", True, f"more than {session.max_frames} frames are refused")
        return PropertyResult("length", False, "a longer one was taken")

    def _generation(self, session: Seq2SeqSession) -> PropertyResult:
        """It writes what the module writes; in other arithmetic than float32, how often it does."""
        equal, near, pairs = 0, 0, self.expected.sequences
        for pair in pairs:
            wanted = self.reference.generate(pair)
            found = session.generate(pair[self.reference.port.name])
            if found == wanted:
                equal += 1
            elif self.quantized is None and self._is_near(pair, wanted, found):
                near += 1
        passed = self.quantized is not None or equal + near == len(pairs)
        said = f", {near} but for a choice between equal scores" if near else ""
        detail = f"writes what the module writes for {equal} of {len(pairs)} sources{said}"
        return PropertyResult("generation", passed, detail)

    def _is_near(self, pair: Sequence_, wanted: list[int], found: list[int]) -> bool:
        """Whether the first symbol that differs was a choice between scores as good as equal."""
        end = self.program.writing.end
        a, b = [*wanted, end], [*found, end]
        k = next(k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
        row = self.reference.run({**pair, TARGET: np.asarray(a[: k + 1], np.int32)})[k]
        return bool(abs(row[a[k]] - row[b[k]]) <= NEAR * self.expected.tolerance(self.interface.outputs[0].name))

    def _identity(self, session: Seq2SeqSession, program: Seq2SeqProgram) -> PropertyResult:
        """How near the artifact is to the definition of its own program: of integers, every bit."""
        raw, session.raw = session.raw, self.in_integers
        try:
            excess, steps = 0.0, 0
            for pair in self.expected.sequences:
                found, symbols = all_scores(session, pair), read_symbols(session, pair)
                given = integer_input(program.encode.inputs, pair)
                wanted = run_seq2seq(program, given, symbols)
                allowed = 0.0 if self.in_integers else _allowed(wanted, run_seq2seq(program, given, symbols, "float32"))
                worst = float(np.abs(found.astype(np.float64) - wanted).max(initial=0.0))
                excess, steps = max(excess, worst - allowed), steps + len(symbols)
        finally:
            session.raw = raw
        name = "bit identity" if self.in_integers else "same program"
        detail = f"the scores of the NumPy definition in {steps} steps"
        return PropertyResult(name, excess <= 0, detail if excess <= 0 else "scores differ from the definition")

    def _latency(self, session: Seq2SeqSession) -> Latency:
        """Time of one symbol with memory of the most frames."""
        port, times = self.reference.port, []
        session.encode(random_input(port, self.floats.encode.max_steps, np.random.default_rng(3)))
        symbol = np.full(self.interface.inputs[0].shape, self.program.writing.start, np.int32)
        for _ in range(TIMED_STEPS):
            begin = perf_counter_ns()
            session.step(symbol)
            times.append((perf_counter_ns() - begin) / 1000)
        low, median, p99 = (float(np.percentile(times, q)) for q in (0, 50, 99))
        return Latency(TIMED_STEPS, low, median, p99)


def read_symbols(session: Seq2SeqSession, pair: Sequence_) -> list[int]:
    """What the decoder reads for a target: what begins it, and all but its last symbol."""
    return [session.writing.start, *pair[TARGET][:-1].tolist()]


def all_scores(session: Seq2SeqSession, pair: Sequence_, spoilt: bool = False) -> Array:
    """Scores [U, V] of the symbols of a target; ``spoilt`` with garbage in the memory behind the source."""
    session.encode(pair[session.encoder.inputs[0].name])
    if spoilt:
        _spoil(session)
    return np.stack([np.asarray(session.step(s)).reshape(-1) for s in read_symbols(session, pair)])


def _spoil(session: Seq2SeqSession) -> None:
    """NaN, or the largest integers, in what the source did not fill."""
    states = dict(zip((s.name for s in session.states), session._engine.get_states(), strict=True))
    count, most = int(states[FRAMES_STATE][0]), session.max_frames // session.encoder.hop
    for array in states.values():
        if array.ndim > 1 and len(array) == most:
            array[count:] = np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    session._engine.set_states(list(states.values()))


def _allowed(exact: Array, rounded: Array) -> float:
    """The error that the rounding of float32 explains."""
    peak, noise = float(np.abs(exact).max(initial=0.0)), float(np.abs(rounded - exact).max(initial=0.0))
    return max(checks.RELATIVE_TOLERANCE * peak + checks.ABSOLUTE_TOLERANCE, checks.ROUNDING_FACTOR * noise)
