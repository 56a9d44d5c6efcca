"""The classifier and the recordings it is judged by."""

from __future__ import annotations

from collections.abc import Sequence

from examples.common.task import Answer, Frames, Task, share_right
from examples.spoken_digits import data
from examples.spoken_digits.calibration import spread
from examples.spoken_digits.model import WEIGHTS, SpokenDigits


def calibration() -> list[Frames]:
    """Recordings trained on, evenly spread over all."""
    return list(spread(data.train_and_held_out()[0]).frames)


def held_out() -> list[Frames]:
    """The held-out recordings."""
    return list(data.train_and_held_out()[1].frames)


def accuracy(found: Sequence[Answer]) -> float:
    """Percent of the held-out recordings whose digit is recognised."""
    return share_right(data.train_and_held_out()[1].labels)(found)


TASK = Task(
    name="spoken_digits",
    metric="accuracy",
    unit="%",
    inputs=f"1,T,{data.COEFFICIENTS}",
    module=SpokenDigits,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=accuracy,
    package=data.INSTALL,
)
