"""Quantized artifacts against the definition of their own program: integers bit for bit, floats within rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.ops.evaluate import run_sequence
from edgernn.ops.stages import run_stages
from edgernn.runtime.quantized import quantize
from edgernn.runtime.segment import SegmentSession
from edgernn.runtime.session import Session
from edgernn.validation.checks import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, ROUNDING_FACTOR, excess_of, feed
from edgernn.validation.results import PropertyResult
from edgernn.validation.sequences import Sequence_


def bit_identity(session: Session, program: Graph, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether the integers that ``session`` gives for ``sequences`` of real input are those of ``program``."""
    frames, raw = 0, session.raw
    session.raw = True
    try:
        for sequence in sequences:
            integers = {p.name: quantize(sequence[p.name], p) if p.scale else sequence[p.name] for p in program.inputs}
            expected = run_sequence(program, integers)
            session.reset()
            rows = feed(session, sequence, end=True)
            frames += len(rows)
            for name, values in expected.items():
                wrong = np.stack([row[name] for row in rows]) != values
                if wrong.any():
                    first = int(np.argwhere(wrong.reshape(len(rows), -1).any(axis=1))[0, 0])
                    detail = f"output {name!r} differs from the definition at frame {first}"
                    return PropertyResult("bit identity", False, detail)
    finally:
        session.raw = raw
    return PropertyResult("bit identity", True, f"the integers of the NumPy definition in {frames} frames")


def same_program(session: Session, program: Graph, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether ``session`` computes ``program``, in floating point, but for rounding: for programs that differ from the
    module, as those with int8 weights do."""
    frames, worst, output = 0, 0.0, ""
    for sequence in sequences:
        exact, rounded = (run_sequence(program, sequence, dtype) for dtype in ("float64", "float32"))
        session.reset()
        rows = feed(session, sequence, end=True)
        frames += len(rows)
        for name, values in exact.items():
            excess = excess_of(np.stack([row[name] for row in rows]), values, _allowed(values, rounded[name]))
            if excess > worst:
                worst, output = excess, name
    if worst > 1.0:
        return PropertyResult("same program", False, f"output {output!r} differs from the definition of the program")
    return PropertyResult("same program", True, f"error {worst:.2g} of the tolerance of float32 in {frames} frames")


def segment_identity(session: SegmentSession, program: Segment, sequences: Sequence[Sequence_]) -> PropertyResult:
    """As ``bit_identity``, of whole segments."""
    frames, raw = 0, session.raw
    session.raw = True
    try:
        for sequence in sequences:
            integers = {p.name: quantize(sequence[p.name], p) if p.scale else sequence[p.name] for p in program.inputs}
            found = named_results(session, sequence)
            for name, values in run_stages(program, integers).items():
                if not np.array_equal(found[name], values):
                    return PropertyResult("bit identity", False, f"output {name!r} differs from the definition")
            frames += _segment_frames(program, sequence)
    finally:
        session.raw = raw
    return PropertyResult("bit identity", True, f"the integers of the NumPy definition in {frames} frames")


def same_segment(session: SegmentSession, program: Segment, sequences: Sequence[Sequence_]) -> PropertyResult:
    """As ``same_program``, of whole segments."""
    frames, worst, output = 0, 0.0, ""
    for sequence in sequences:
        exact, rounded = (run_stages(program, sequence, dtype) for dtype in ("float64", "float32"))
        found = named_results(session, sequence)
        frames += _segment_frames(program, sequence)
        for name, values in exact.items():
            excess = excess_of(found[name], values, _allowed(values, rounded[name]))
            if excess > worst:
                worst, output = excess, name
    if worst > 1.0:
        return PropertyResult("same program", False, f"output {output!r} differs from the definition of the program")
    return PropertyResult("same program", True, f"error {worst:.2g} of the tolerance of float32 in {frames} frames")


def named_results(session: SegmentSession, sequence: Sequence_) -> dict[str, Array]:
    """What a segment gives, by name, whatever the number of outputs."""
    result = session.run(dict(sequence))
    return result if isinstance(result, dict) else {session.outputs[0].name: result}


def _segment_frames(program: Segment, sequence: Sequence_) -> int:
    return next(len(sequence[p.name]) for p in program.inputs if p.kind == "frame")


def _allowed(exact: Array, rounded: Array) -> float:
    """The error that the rounding of float32 explains."""
    peak, noise = float(np.abs(exact).max(initial=0.0)), float(np.abs(rounded - exact).max(initial=0.0))
    return max(RELATIVE_TOLERANCE * peak + ABSOLUTE_TOLERANCE, ROUNDING_FACTOR * noise)
