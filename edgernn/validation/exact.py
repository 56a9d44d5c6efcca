"""Integer artifacts equal the NumPy definition bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.runtime.quantized import quantize
from edgernn.runtime.session import Session
from edgernn.validation.checks import feed
from edgernn.validation.results import PropertyResult
from edgernn.validation.sequences import Sequence_


def bit_identity(session: Session, program: Graph, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether the integers that ``session`` gives for ``sequences`` of real input are those of ``program``."""
    frames, raw = 0, session.raw
    session.raw = True
    try:
        for sequence in sequences:
            integers = {p.name: quantize(sequence[p.name], p) if p.scale else sequence[p.name] for p in program.inputs}
            expected = run_block(program, integers)
            session.reset()
            rows = feed(session, sequence)
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
