"""Compares a model that takes whole segments with the PyTorch module, over lengths of one frame to the most."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from edgernn.errors import EngineError, FrameError, ValidationError
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.runtime import load
from edgernn.runtime.segment import SegmentSession
from edgernn.validation import checks
from edgernn.validation.agreement import FOREIGN_SUFFIXES, agreement
from edgernn.validation.exact import all_results, bit_identity, same_program
from edgernn.validation.proof import relative_tolerance
from edgernn.validation.reference import Reference
from edgernn.validation.results import ArtifactReport, Latency, OutputError, PropertyResult
from edgernn.validation.sequences import Sequence_, check_calibration, cut_to, random_input, shortened

RANDOM_SEGMENTS = 6
TIMED_RUNS = 20


class SegmentProof:
    """The reference results of a model on random and calibration segments, and the checks against them."""

    def __init__(
        self, reference: Reference, floats: Segment, quantized: Segment | None,
        calibration: Sequence[Sequence_] | None,
    ) -> None:  # fmt: skip
        """``floats`` is in float32; ``quantized`` is what runs, where that is another one."""
        self.reference, self.floats, self.quantized = reference, floats, quantized
        self.interface = (quantized or floats).interface()
        self.max_steps = floats.max_steps
        self.face = replace(floats.interface(), fingerprint=self.interface.fingerprint)
        if calibration is not None:
            check_calibration(self.face, calibration)
        self.calibration = list(calibration or [])

    @property
    def in_integers(self) -> bool:
        """Whether what runs computes in integers, so that it takes only input of the ranges it was made for."""
        return any(port.scale is not None for port in (*self.interface.inputs, *self.interface.outputs))

    def lengths(self) -> list[int]:
        """Of the random segments: the shortest, the longest, and some between."""
        least = min(self.reference.captured.least_steps, self.max_steps)
        drawn = np.random.default_rng(0).integers(least, self.max_steps + 1, RANDOM_SEGMENTS).tolist()
        return sorted({least, min(least + 1, self.max_steps), self.max_steps, *drawn})

    def sequences(self) -> list[Sequence_]:
        """The test segments: random ones, unless in integers, and those of calibration."""
        rng = np.random.default_rng(1)
        real = [cut_to(s, self.face, self.max_steps) for s in shortened(self.calibration, self.face)]
        if self.in_integers:
            return real
        return [{p.name: random_input(p, n, rng) for p in self.face.inputs} for n in self.lengths()] + real

    @cached_property
    def expected(self) -> checks.Expected:
        """What PyTorch gives for all segments. Raises ValidationError where it is not finite."""
        expected = checks.Expected(self.sequences(), relative_tolerance(self.interface.scheme))
        for sequence in expected.sequences:
            whole = self.reference.run(sequence)
            expected.frames.append(whole)
            for name, noise in self.reference.rounding(sequence, whole).items():
                expected.noise[name] = max(noise, expected.noise.get(name, 0.0))
                peak = float(np.max(np.abs(whole[name]), initial=0.0))
                expected.peak[name] = max(peak, expected.peak.get(name, 0.0))
        if not checks.finite(expected):
            raise ValidationError("the module gives infinities or NaN for the test segments")
        return expected

    def check(
        self,
        path: Path,
        engine: str = "auto",
        *,
        drift_steps: int = 0,
        progress: checks.Progress | None = None,
        label: str = "",
    ) -> ArtifactReport:
        """Load the artifact and compare. There is no drift: each segment starts anew, whatever ``drift_steps`` is."""
        start = time.perf_counter()
        session = load(path, engine)
        load_ms = (time.perf_counter() - start) * 1000
        with session:
            if not isinstance(session, SegmentSession):
                raise EngineError(f"{label or path}: mode {session.interface.mode!r}; a model of segments was expected")
            if session.interface.fingerprint != self.interface.fingerprint:
                raise ValidationError(f"{label or path}: the artifact was made from another model or other weights")
            report = ArtifactReport(label or str(path), session.engine, os.path.getsize(path), load_ms)
            if progress is not None:
                progress(f"{session.engine}: compare", 0, 1)
            report.outputs = self._outputs(session)
            report.properties = [self._independence(session), self._length(session)]
            if self.quantized is not None:
                report.properties.append(self._identity(path, session, self.quantized))
            report.latency = self._latency(session)
        return report

    def _outputs(self, session: SegmentSession) -> list[OutputError]:
        expected = self.expected
        found = [all_results(session, sequence) for sequence in expected.sequences]
        rows = []
        for port in session.outputs:
            pairs = [(f[port.name], w[port.name]) for f, w in zip(found, expected.frames, strict=True)]
            shapes = [(a.shape, b.shape) for a, b in pairs if a.shape != b.shape]
            if shapes:
                raise ValidationError(f"output {port.name!r} has shape {shapes[0][0]}, the module gives {shapes[0][1]}")
            as_rows = [tuple(v.reshape(-1, *port.shape).astype(np.float64) for v in pair) for pair in pairs]
            a, b = (np.concatenate([pair[k] for pair in as_rows]) for k in (0, 1))
            rows.append(output_error(port.name, port.kind, a, b, expected))
        return rows

    def _identity(self, path: Path, session: SegmentSession, program: Segment) -> PropertyResult:
        """How near the artifact is to the definition of its own stages."""
        sequences = self.expected.sequences
        if not self.in_integers:
            return same_program(session, program, sequences)
        if path.suffix in FOREIGN_SUFFIXES:
            return agreement(session, program, self.floats, sequences)
        return bit_identity(session, program, sequences)

    def _independence(self, session: SegmentSession) -> PropertyResult:
        """A segment gives the same after another one, and when it is run again."""
        first, other = self.expected.sequences[-1], self.expected.sequences[0]
        before = all_results(session, first)
        all_results(session, other)
        after = all_results(session, first)
        passed = all(np.array_equal(before[name], after[name]) for name in before)
        detail = "the same after another segment" if passed else "a segment depends on the one before"
        return PropertyResult("independence", passed, detail)

    def _length(self, session: SegmentSession) -> PropertyResult:
        """Longer segments are refused."""
        rng = np.random.default_rng(2)
        long = {p.name: random_input(p, self.max_steps + 1, rng) for p in self.face.inputs}
        try:
            session.run(long)
        except FrameError:
            return PropertyResult("length", True, f"more than {self.floats.max_frames} frames are refused")
        return PropertyResult("length", False, "a longer one was taken")

    def _latency(self, session: SegmentSession) -> Latency:
        """Time of a frame: that of a segment of the most frames, divided by their number."""
        rng = np.random.default_rng(3)
        segment = {p.name: random_input(p, self.max_steps, rng) for p in self.face.inputs}
        run: Callable[..., object] = session.run
        times = []
        for _ in range(TIMED_RUNS):
            begin = perf_counter_ns()
            run(segment)
            times.append((perf_counter_ns() - begin) / 1000 / self.floats.max_frames)
        low, median, p99 = (float(np.percentile(times, q)) for q in (0, 50, 99))
        return Latency(TIMED_RUNS * self.floats.max_frames, low, median, p99)


def output_error(name: str, kind: str, found: Array, wanted: Array, expected: checks.Expected) -> OutputError:
    """How far rows ``found`` of an output are from those ``wanted``."""
    difference = np.abs(found - wanted)
    power, signal = float(np.mean(np.square(difference))), float(np.mean(np.square(wanted)))
    finite = bool(np.isfinite(difference).all())
    alike = wanted.ndim > 1 and wanted.shape[-1] > 1
    return OutputError(
        output=name, kind=kind, frames=len(difference),
        max_error=float(difference.max()) if finite else float("inf"),
        rms_error=power**0.5 if finite else float("inf"), reference_peak=expected.peak[name],
        sqnr_db=10 * float(np.log10(signal / power)) if power and signal else None,
        argmax_agreement=float(np.mean(found.argmax(-1) == wanted.argmax(-1))) if alike else None,
        tolerance=expected.tolerance(name),
        error_by_frame=checks.curve(difference.reshape(len(difference), -1).max(axis=1)),
    )  # fmt: skip
