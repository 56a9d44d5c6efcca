"""The classifier in float and in integers, on people it has never seen: python -m examples.classification.run"""

from __future__ import annotations

import sys

from examples.classification import data
from examples.classification.model import WEIGHTS, Activity
from examples.common.integers import main
from examples.common.task import Frames, Task, share_right

CALIBRATION_WINDOWS = 64


def calibration() -> list[Frames]:
    """Windows of the people trained on, evenly spread over all."""
    windows, _ = data.windows(data.train_and_held_out()[0])
    return list(windows[:: len(windows) // CALIBRATION_WINDOWS])


def held_out() -> list[Frames]:
    """All windows of the held-out people."""
    return list(data.windows(data.train_and_held_out()[1])[0])


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
)

if __name__ == "__main__":
    sys.exit(main(TASK))
