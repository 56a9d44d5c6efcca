"""The classifier in float and in integers, on people it has never seen: python -m examples.classification.run"""

from __future__ import annotations

import sys
from pathlib import Path

from examples.classification import data
from examples.classification.model import WEIGHTS, Activity
from examples.common.integers import main
from examples.common.pictures import draw_confusion
from examples.common.task import Frames, Run, Task, share_right

CALIBRATION_WINDOWS = 64


def calibration() -> list[Frames]:
    """Windows of the people trained on, evenly spread over all."""
    windows, _ = data.windows(data.train_and_held_out()[0])
    return list(windows[:: len(windows) // CALIBRATION_WINDOWS])


def held_out() -> list[Frames]:
    """All windows of the held-out people."""
    return list(data.windows(data.train_and_held_out()[1])[0])


def show(run: Run) -> list[Path]:
    """Which exercises are taken for which."""
    labels = data.windows(data.train_and_held_out()[1])[1]
    return [draw_confusion(labels, run.answers["int16x8"], data.EXERCISES, run.folder / "confusion.png")]


TASK = Task(
    name="classification",
    metric="accuracy",
    unit="%",
    inputs=f"1,T,{data.CHANNELS}",
    module=Activity,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: share_right(data.windows(data.train_and_held_out()[1])[1])(found),
    package=data.PACKAGE.install,
    target=75.0,
    rate_hz=data.RATE_HZ,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
