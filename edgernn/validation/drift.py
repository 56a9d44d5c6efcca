"""Errors over a long stream without reset: whether they grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ops.evaluate import run_block
from edgernn.runtime.session import Session
from edgernn.validation.checks import curve, feed
from edgernn.validation.results import Drift
from edgernn.validation.sequences import Sequence_

DRIFT_POINTS = 200
SHARE = 10
"""Beginning and end of a stream are each about one part in so many."""

Progress = Callable[[str, int, int], None]


def drift_reference(program: Graph, stream: Sequence_) -> dict[str, Array]:
    """float64 outputs of the step program over one long stream."""
    return {name: values[program.delay :] for name, values in run_block(program, stream).items()}


def drift(
    session: Session, stream: Sequence_, exact: Mapping[str, Array], period: int, progress: Progress | None
) -> list[Drift]:
    """Errors over a long stream without reset, in which the same ``period`` frames come again and again."""
    steps = len(next(iter(exact.values())))
    errors = {name: np.empty(steps) for name in exact}
    power = {name: np.empty(steps) for name in exact}
    session.reset()
    window = max(1, steps // DRIFT_POINTS)
    for start in range(0, steps, window):
        stop = min(start + window, steps)
        rows = feed(session, stream, start + session.delay if start else 0, stop + session.delay)
        part = slice(start, stop)
        for name, values in exact.items():
            found = np.stack([row[name] for row in rows])
            difference = np.abs(found - values[part]).reshape(len(rows), -1)
            errors[name][part] = difference.max(axis=1)
            power[name][part] = np.square(difference).mean(axis=1)
        if progress is not None:
            progress("drift", start + len(rows), steps)
    return [_drift(name, errors[name], power[name], exact[name], period) for name in exact]


def _drift(name: str, errors: Array, power: Array, exact: Array, period: int) -> Drift:
    signal = np.square(exact).reshape(len(exact), -1).mean(axis=1)
    parts = ends(len(errors), period)
    first, last = (float(np.sqrt(np.mean(np.square(errors[part])))) for part in parts)
    ratios = [_decibels(float(signal[part].mean()), float(power[part].mean())) for part in parts]
    return Drift(
        name, len(errors), float(errors.max()), first, last, curve(errors, DRIFT_POINTS),
        frames_compared=parts[0].stop, sqnr_first_db=ratios[0], sqnr_last_db=ratios[1],
    )  # fmt: skip


def ends(steps: int, period: int) -> tuple[slice, slice]:
    """The beginning and the end of a stream: whole passes over its ``period`` frames, so that both hold the same
    frames, where there are two at least; a tenth each otherwise."""
    passes = steps // period
    if passes < 2:
        size = max(1, steps // SHARE)
        return slice(0, size), slice(steps - size, steps)
    size = max(1, passes // SHARE) * period
    return slice(0, size), slice(passes * period - size, passes * period)


def _decibels(signal: float, noise: float) -> float | None:
    return 10 * float(np.log10(signal / noise)) if signal > 0 and noise > 0 else None
