"""Forecasts of many steps: what the model foresees is what it reads next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.op import Array
from edgernn.runtime.session import Session

Feed = Callable[[Array, Any], Array]
"""An output, and what is known of the step that it foresees, to the frame of that step."""


def forecast(
    session: Session, history: Any, steps: int, known: Any = None, *, columns: Sequence[int] | None = None,
    feed: Feed | None = None,
) -> Array:  # fmt: skip
    """What a model foresees after ``history``, with its own outputs in place of measurements: [steps, *output].

    history  frames [T, *frame]: the state goes on from where the session is
    known    what is known beforehand of the coming steps, such as hours or weather, [steps - 1 or more, K]: row k
             belongs to the frame whose measurement is output k
    columns  elements of a frame that are the outputs; the others are ``known``, in their order. By default the first
    feed     makes the next frame from an output and its row of ``known`` where that is not enough

    Models in integers are fed real values. Raises UsageError for a model that steps another way or where the sizes do
    not fit, FrameError as ``session.step``.
    """
    _require_single_steps(session)
    frames = np.asarray(history, np.float32)
    if not len(frames) or steps < 1:
        raise UsageError(f"a forecast needs a history, found {len(frames)} frames, and steps, found {steps}")
    if known is not None and len(known) < steps - 1:
        raise UsageError(f"known is of {len(known)} steps; {steps} steps of forecast need {steps - 1}")
    make = feed or _placed(session, columns)
    for frame in frames:
        output = np.asarray(session.step(frame))
    found = [output]
    for k in range(steps - 1):
        output = np.asarray(session.step(make(output, None if known is None else known[k])))
        found.append(output)
    return np.stack(found)


def _require_single_steps(session: Session) -> None:
    if (len(session.inputs), len(session.outputs), session.hop, session.delay) != (1, 1, 1, 0):
        raise UsageError(
            f"model {session.interface.name!r} cannot be fed what it foresees: that takes one input and one output, a "
            f"frame a step and no delay; it has {len(session.inputs)} and {len(session.outputs)}, hop {session.hop}, "
            f"delay {session.delay}"
        )


def _placed(session: Session, columns: Sequence[int] | None) -> Feed:
    """Frames with the outputs in their columns and what is known in the others."""
    port, size = session.inputs[0], session.outputs[0].size
    places = list(range(size)) if columns is None else list(columns)
    others = [k for k in range(port.size) if k not in places]
    if len(places) != size or len(set(places)) != size or not set(places) <= set(range(port.size)):
        raise UsageError(
            f"columns are {size} of the {port.size} elements of a frame, one for each output, found {places}; or give "
            f"a function as feed"
        )

    def make(output: Array, row: Any) -> Array:
        given = np.zeros(0, np.float32) if row is None else np.asarray(row, np.float32).reshape(-1)
        if len(given) != len(others):
            raise UsageError(f"of each step {len(others)} elements have to be known beforehand, found {len(given)}")
        frame = np.empty(port.size, np.float32)
        frame[places], frame[others] = output.reshape(-1), given
        return frame.reshape(port.shape)

    return make
