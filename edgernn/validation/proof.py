"""All checks of one model, sharing what PyTorch computes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from edgernn.errors import ValidationError
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ops.series import plan
from edgernn.runtime import Session, load
from edgernn.validation import checks
from edgernn.validation.agreement import FOREIGN_SUFFIXES, agreement
from edgernn.validation.drift import drift, drift_reference
from edgernn.validation.exact import bit_identity, same_program
from edgernn.validation.reference import Reference
from edgernn.validation.results import ArtifactReport, PropertyResult
from edgernn.validation.sequences import Sequence_, check_calibration, continued, random_sequences, shortened

GIVEN_SEED = 3
QUANTIZED_TOLERANCE = {"int16x8": 0.1, "weights8": 0.1, "int8": 0.5, "int16x4": 0.5}
"""Scheme -> largest error of an output, relative to its peak, that is taken for quantization and not for a fault.

Of several schemes in a model, the largest."""


def relative_tolerance(scheme: str) -> float:
    """Largest error of an output, relative to its peak, of a model of this scheme."""
    return max(QUANTIZED_TOLERANCE.get(name, checks.RELATIVE_TOLERANCE) for name in scheme.split("+"))


class Proof:
    """The reference results of a model on random and calibration input, and the checks against them."""

    def __init__(
        self,
        reference: Reference,
        program: Graph,
        quantized_program: Graph | None,
        interface: Interface,
        calibration: Sequence[Sequence_] | None,
    ) -> None:
        """``program`` is in float32; ``quantized_program`` is what runs, where that is another one."""
        self.face = Interface.of(program, interface.fingerprint)
        if calibration is not None:
            check_calibration(self.face, calibration)
        self.reference, self.program, self.interface = reference, program, interface
        self.quantized_program = quantized_program
        self.relative = relative_tolerance(interface.scheme)
        self.calibration = list(calibration or [])
        self._drifts: dict[int, tuple[Sequence_, dict[str, Array]]] = {}

    @cached_property
    def expected(self) -> checks.Expected:
        """What PyTorch gives. Random sequences for which that is not finite give way to real ones."""
        real = shortened(self.calibration, self.face)
        if self._in_integers:
            return self._finite(real)
        expected = checks.expect(self.reference, self.program, self._random() + real, self.relative)
        if checks.finite(expected):
            return expected
        if not real:
            raise ValidationError(
                "the module gives infinities or NaN for random input (normal values), as the logarithm of a negative "
                "number does\n  what to do: give sequences of real input (--calibration, or calibration=)"
            )
        return self._finite(real)

    def _random(self) -> list[Sequence_]:
        return random_sequences(self.face, self.reference.captured.least_steps)

    @property
    def _in_integers(self) -> bool:
        """Whether what runs computes in integers, so that it takes only input of the ranges it was made for."""
        return any(port.scale is not None for port in (*self.interface.inputs, *self.interface.outputs))

    def _finite(self, real: list[Sequence_]) -> checks.Expected:
        """What PyTorch gives for real input alone. Raises ValidationError where that is not finite."""
        expected = checks.expect(self.reference, self.program, real, self.relative)
        if not checks.finite(expected):
            raise ValidationError("the module gives infinities or NaN for the calibration sequences")
        return expected

    def stream(self, steps: int) -> tuple[Sequence_, dict[str, Array]]:
        """A long stream and its float64 outputs."""
        if steps not in self._drifts:
            sequences = self.calibration or self._random()
            stream = continued(sequences, self.face, steps)
            self._drifts[steps] = (stream, self._exact(stream, steps))
        return self._drifts[steps]

    def _exact(self, stream: Sequence_, steps: int) -> dict[str, Array]:
        """By the step program; by PyTorch where that has many nodes for each frame, and outputs of frames alone."""
        program = self.program
        if plan(program) is None and all(port.kind == "frame" for port in program.outputs):
            found = self.reference.in_double(stream)
            if found is not None:
                return {name: values[: steps - program.delay] for name, values in found.items()}
        return drift_reference(program, stream)

    def _period(self) -> int:
        """After how many frames a long stream begins again."""
        frames = [p.name for p in self.face.inputs if p.kind == "frame"]
        return sum(len(s[frames[0]]) for s in self.calibration or self._random())

    def check(
        self,
        path: Path,
        engine: str = "auto",
        *,
        drift_steps: int = 0,
        progress: checks.Progress | None = None,
        label: str = "",
    ) -> ArtifactReport:
        """Load the artifact and run every check. Does not raise where a check fails: see ``ArtifactReport.passed``."""
        start = time.perf_counter()
        session = load(path, engine)
        load_ms = (time.perf_counter() - start) * 1000
        with session:
            self._same_model(session, label or str(path))
            report = ArtifactReport(label or str(path), session.engine, os.path.getsize(path), load_ms)
            _tell(progress, f"{session.engine}: compare", 0, 1)
            report.outputs = checks.compare(session, self.expected)
            report.properties = checks.properties(session, self.expected, self._opener(path, session.engine))
            report.properties += self._given_states(session)
            if self.quantized_program is not None:
                report.properties.append(self._identity(path, session, self.quantized_program))
            if drift_steps:
                report.drift = drift(session, *self.stream(drift_steps), self._period(), progress)
            longest = max(self.expected.sequences, key=lambda s: max(len(a) for a in s.values()))
            report.latency = checks.latency(session, longest)
            _tell(progress, f"{session.engine}: compare", 1, 1)
        return report

    def _identity(self, path: Path, session: Session, quantized: Graph) -> PropertyResult:
        """How near this artifact is to the quantized program."""
        sequences = self.expected.sequences
        if not self._in_integers:
            return same_program(session, quantized, sequences)
        if path.suffix in FOREIGN_SUFFIXES:
            return agreement(session, quantized, self.program, sequences)
        return bit_identity(session, quantized, sequences)

    def _opener(self, path: Path, engine: str) -> Callable[[], Session]:
        return lambda: load(path, engine)

    def _same_model(self, session: Session, label: str) -> None:
        if session.interface.fingerprint != self.interface.fingerprint:
            raise ValidationError(
                f"{label}: fingerprint {session.interface.fingerprint[:12]}, the model given has "
                f"{self.interface.fingerprint[:12]}: the artifact was made from another model or other weights"
            )

    def _given_states(self, session: Session) -> list[PropertyResult]:
        """Initial states that the module's caller gives: random ones must lead to the same outputs."""
        names = [n for a in self.reference.captured.arguments if a.role == "state" for n in a.states]
        if not names or self.quantized_program is not None:
            return []
        rng = np.random.default_rng(GIVEN_SEED)
        shapes = {s.name: s.shape for s in session.states}
        states = {n: rng.uniform(-0.5, 0.5, shapes[n]).astype(np.float32) for n in names}
        sequence = self.expected.sequences[-1]
        wanted = self.reference.run(sequence, states)
        session.reset(**states)
        rows = checks.feed(session, sequence, end=True)
        worst = 0.0
        for port in session.outputs:
            found = np.stack([r[port.name] for r in rows]) if port.kind == "frame" else rows[-1][port.name]
            peak = float(np.max(np.abs(wanted[port.name])))
            allowed = checks.RELATIVE_TOLERANCE * peak + checks.ABSOLUTE_TOLERANCE + self.expected.tolerance(port.name)
            worst = max(worst, checks.excess_of(found, wanted[port.name], allowed))
        detail = f"error {worst:.2g} of the tolerance from random initial states"
        return [PropertyResult("initial states", worst <= 1.0, detail)]


def _tell(progress: checks.Progress | None, stage: str, done: int, total: int) -> None:
    if progress is not None:
        progress(stage, done, total)
