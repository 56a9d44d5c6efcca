"""Compares a model that takes whole segments with the PyTorch module, over lengths of one frame to the most."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from edgernn.errors import EngineError, FrameError, ValidationError
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime import load
from edgernn.runtime.segment import SegmentSession
from edgernn.validation import checks
from edgernn.validation.reference import Reference
from edgernn.validation.results import ArtifactReport, Latency, OutputError, PropertyResult
from edgernn.validation.sequences import Sequence_, check_calibration, random_input, shortened

RANDOM_SEGMENTS = 6
TIMED_RUNS = 20


class SegmentProof:
    """The reference results of a model on random and calibration segments, and the checks against them."""

    def __init__(
        self, reference: Reference, interface: Interface, max_frames: int, calibration: Sequence[Sequence_] | None
    ) -> None:
        if calibration is not None:
            check_calibration(interface, calibration)
        self.reference, self.interface, self.max_frames = reference, interface, max_frames
        self.calibration = list(calibration or [])

    def lengths(self) -> list[int]:
        """Of the random segments: the shortest, the longest, and some between."""
        least = min(self.reference.captured.least_steps, self.max_frames)
        drawn = np.random.default_rng(0).integers(least, self.max_frames + 1, RANDOM_SEGMENTS).tolist()
        return sorted({least, min(least + 1, self.max_frames), self.max_frames, *drawn})

    @cached_property
    def expected(self) -> checks.Expected:
        """What PyTorch gives for all segments. Raises ValidationError where it is not finite."""
        rng = np.random.default_rng(1)
        sequences = [{p.name: random_input(p, n, rng) for p in self.interface.inputs} for n in self.lengths()]
        sequences += [self._cut(s) for s in shortened(self.calibration, self.interface)]
        expected = checks.Expected(sequences)
        for sequence in sequences:
            whole = self.reference.run(sequence)
            expected.frames.append(whole)
            for name, noise in self.reference.rounding(sequence, whole).items():
                expected.noise[name] = max(noise, expected.noise.get(name, 0.0))
                peak = float(np.max(np.abs(whole[name]), initial=0.0))
                expected.peak[name] = max(peak, expected.peak.get(name, 0.0))
        if not checks.finite(expected):
            raise ValidationError("the module gives infinities or NaN for the test segments")
        return expected

    def _cut(self, sequence: Sequence_) -> Sequence_:
        kinds = {p.name: p.kind for p in self.interface.inputs}
        return {n: a if kinds[n] == "static" else a[: self.max_frames] for n, a in sequence.items()}

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
            report.latency = self._latency(session)
        return report

    def _outputs(self, session: SegmentSession) -> list[OutputError]:
        expected = self.expected
        found = [_named(session, sequence) for sequence in expected.sequences]
        rows = []
        for port in session.outputs:
            pairs = [(f[port.name], w[port.name]) for f, w in zip(found, expected.frames, strict=True)]
            shapes = [(a.shape, b.shape) for a, b in pairs if a.shape != b.shape]
            if shapes:
                raise ValidationError(f"output {port.name!r} has shape {shapes[0][0]}, the module gives {shapes[0][1]}")
            as_rows = [tuple(v.reshape(-1, *port.shape).astype(np.float64) for v in pair) for pair in pairs]
            a, b = (np.concatenate([pair[k] for pair in as_rows]) for k in (0, 1))
            rows.append(_error(port.name, port.kind, a, b, expected))
        return rows

    def _independence(self, session: SegmentSession) -> PropertyResult:
        """A segment gives the same after another one, and when it is run again."""
        first, other = self.expected.sequences[-1], self.expected.sequences[0]
        before = _named(session, first)
        _named(session, other)
        after = _named(session, first)
        passed = all(np.array_equal(before[name], after[name]) for name in before)
        detail = "the same after another segment" if passed else "a segment depends on the one before"
        return PropertyResult("independence", passed, detail)

    def _length(self, session: SegmentSession) -> PropertyResult:
        """Longer segments are refused."""
        rng = np.random.default_rng(2)
        long = {p.name: random_input(p, self.max_frames + 1, rng) for p in self.interface.inputs}
        try:
            session.run(long)
        except FrameError:
            return PropertyResult("length", True, f"more than {self.max_frames} frames are refused")
        return PropertyResult("length", False, f"{self.max_frames + 1} frames were taken")

    def _latency(self, session: SegmentSession) -> Latency:
        """Time of a frame: that of a segment of the most frames, divided by their number."""
        rng = np.random.default_rng(3)
        segment = {p.name: random_input(p, self.max_frames, rng) for p in self.interface.inputs}
        run: Callable[..., object] = session.run
        times = []
        for _ in range(TIMED_RUNS):
            begin = perf_counter_ns()
            run(segment)
            times.append((perf_counter_ns() - begin) / 1000 / self.max_frames)
        low, median, p99 = (float(np.percentile(times, q)) for q in (0, 50, 99))
        return Latency(TIMED_RUNS * self.max_frames, low, median, p99)


def _named(session: SegmentSession, sequence: Sequence_) -> dict[str, Array]:
    result = session.run(dict(sequence))
    return result if isinstance(result, dict) else {session.outputs[0].name: result}


def _error(name: str, kind: str, found: Array, wanted: Array, expected: checks.Expected) -> OutputError:
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
