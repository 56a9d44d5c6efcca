"""Integer artifacts whose runtime has an arithmetic of its own: as near to the float model as the definition is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.op import Array
from edgernn.runtime.session import Session
from edgernn.validation.exact import Program, all_results, defined
from edgernn.validation.results import PropertyResult
from edgernn.validation.sequences import Sequence_, integer_input

FOREIGN_SUFFIXES = (".onnx", ".tflite")
"""Formats whose integer arithmetic is that of the runtime, which differs between runtimes."""

AGREEMENT_DB = {"int16x8": 40.0, "int16x4": 40.0, "int8": 35.0}
"""Scheme -> least power of the outputs over that of their differences from the definition. Of several, the least."""

WORSE = 2.0
"""Power of the error against the float model, over that of the definition, that is allowed: 3 dB."""

ALWAYS_ALLOWED_LSB = 4
"""Differences that are no fault, however small the outputs are."""

Outputs = dict[str, Array]


def agreement(session: Session, program: Program, real: Program, sequences: Sequence[Sequence_]) -> PropertyResult:
    """Whether what ``session`` gives for ``sequences`` of real input is near the integers of ``program``, or at least
    not further from ``real``, the float program, than these are."""
    least = min((AGREEMENT_DB[s] for s in program.scheme.split("+") if s in AGREEMENT_DB), default=40.0)
    exact = _joined([defined(real, sequence) for sequence in sequences])
    definition, found = _integers(session, program, sequences)
    details, passed = [], True
    for port in program.outputs:
        name, scale = port.name, port.scale or 1.0
        largest = int(np.abs(found[name] - definition[name]).max(initial=0))
        errors = [_power(values[name] * scale - exact[name]) for values in (found, definition)]
        agrees = _decibels(definition[name], found[name] - definition[name])
        passed = passed and (errors[0] <= WORSE * errors[1] or agrees >= least or largest <= ALWAYS_ALLOWED_LSB)
        ours, theirs = (_decibels(exact[name], values[name] * scale - exact[name]) for values in (definition, found))
        details.append(
            f"output {name!r}: SQNR {theirs:.1f} dB, that of the definition {ours:.1f} dB; "
            f"within {largest} LSB of it ({agrees:.1f} dB)"
        )
    failure = "" if passed else f"; at most 3 dB more error than the definition is allowed, or {least:g} dB from it"
    return PropertyResult("arithmetic of the runtime", passed, "; ".join(details) + failure)


def _power(values: Array) -> float:
    return float(np.mean(np.square(values, dtype=np.float64)))


def _decibels(signal: Array, noise: Array) -> float:
    power = _power(noise)
    return 10 * float(np.log10(max(_power(signal), 1e-300) / power)) if power else np.inf


def _integers(session: Session, program: Program, sequences: Sequence[Sequence_]) -> tuple[Outputs, Outputs]:
    """The integers of all frames: of the definition, and of the session, as int64."""
    wanted, found = [], []
    raw, session.raw = session.raw, True
    try:
        for sequence in sequences:
            inputs = integer_input(program.inputs, sequence)
            wanted.append({n: values.astype(np.int64) for n, values in defined(program, inputs).items()})
            results = all_results(session, sequence)
            found.append({n: results[n].astype(np.int64) for n in wanted[-1]})
    finally:
        session.raw = raw
    return _joined(wanted), _joined(found)


def _joined(parts: Sequence[Outputs]) -> Outputs:
    return {name: np.concatenate([np.atleast_1d(part[name]) for part in parts]) for name in parts[0]}
