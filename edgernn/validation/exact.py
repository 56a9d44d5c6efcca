"""Quantized artifacts against the definition of their own program: integers bit for bit, floats within rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.ops.evaluate import run_sequence
from edgernn.ops.stages import run_stages
from edgernn.runtime.segment import SegmentSession
from edgernn.runtime.session import Session
from edgernn.validation.checks import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, ROUNDING_FACTOR, excess_of, feed
from edgernn.validation.results import PropertyResult
from edgernn.validation.sequences import Sequence_, frames_in, integer_input

Program = Graph | Segment
"""A step program, whose outputs here are those of each step, or one of whole segments."""


def bit_identity(session: Session, program: Program, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether the integers that ``session`` gives for ``sequences`` of real input are those of ``program``."""
    frames, raw = 0, session.raw
    session.raw = True
    try:
        for sequence in sequences:
            found = all_results(session, sequence)
            frames += frames_in(program.inputs, sequence)
            for name, values in defined(program, integer_input(program.inputs, sequence)).items():
                if not np.array_equal(found[name], values):
                    first = int(np.argwhere(found[name] != values)[0, 0])
                    where = f" at frame {first}" if isinstance(program, Graph) else ""
                    detail = f"output {name!r} differs from the definition{where}"
                    return PropertyResult("bit identity", False, detail)
    finally:
        session.raw = raw
    return PropertyResult("bit identity", True, f"the integers of the NumPy definition in {frames} frames")


def same_program(session: Session, program: Program, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether ``session`` computes ``program``, in floating point, but for rounding: for programs that differ from the
    module, as those with int8 weights do."""
    frames, worst, output = 0, 0.0, ""
    for sequence in sequences:
        exact, rounded = (defined(program, sequence, dtype) for dtype in ("float64", "float32"))
        found = all_results(session, sequence)
        frames += frames_in(program.inputs, sequence)
        for name, values in exact.items():
            excess = excess_of(found[name], values, _allowed(values, rounded[name]))
            if excess > worst:
                worst, output = excess, name
    if worst > 1.0:
        return PropertyResult("same program", False, f"output {output!r} differs from the definition of the program")
    return PropertyResult("same program", True, f"error {worst:.2g} of the tolerance of float32 in {frames} frames")


def all_results(session: Session, sequence: Sequence_) -> dict[str, Array]:
    """All that a session gives for a sequence from its beginning to its end, by name: of a stream, of each step."""
    if isinstance(session, SegmentSession):
        result = session.run(dict(sequence))
        return result if isinstance(result, dict) else {session.outputs[0].name: result}
    session.reset()
    rows = feed(session, sequence, end=True)
    return {port.name: np.stack([row[port.name] for row in rows]) for port in session.outputs}


def defined(program: Program, sequence: Sequence_, dtype: str = "float64") -> dict[str, Array]:
    """The same by the definitions of the ops."""
    if isinstance(program, Segment):
        return run_stages(program, sequence, dtype)
    return run_sequence(program, sequence, dtype)


def _allowed(exact: Array, rounded: Array) -> float:
    """The error that the rounding of float32 explains."""
    peak, noise = float(np.abs(exact).max(initial=0.0)), float(np.abs(rounded - exact).max(initial=0.0))
    return max(RELATIVE_TOLERANCE * peak + ABSOLUTE_TOLERANCE, ROUNDING_FACTOR * noise)
