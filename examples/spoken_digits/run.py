"""The classifier in float and in integers, on recordings it has never heard: python -m examples.spoken_digits.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from examples.common.integers import main
from examples.common.pictures import draw_confusion
from examples.common.task import Answer, Frames, Run, Task, share_right
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


def show(run: Run) -> list[Path]:
    """Which digits are taken for which."""
    labels, names = data.train_and_held_out()[1].labels, [str(digit) for digit in range(data.DIGITS)]
    return [draw_confusion(labels, run.answers["int16x8"], names, run.folder / "confusion.png")]


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
    target=97.0,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
