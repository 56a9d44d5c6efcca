"""The forecaster in float and in integers, on hours it has never seen: python -m examples.forecasting.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from examples.common.integers import main
from examples.common.task import Answer, Frames, Task
from examples.forecasting import data
from examples.forecasting.model import WEIGHTS, Forecaster

CALIBRATION_SEQUENCES = 16
CALIBRATION_H = 4 * data.WEEK_H


def calibration() -> list[Frames]:
    """Spans of four weeks, evenly spread over the hours trained on."""
    series = data.load()
    starts = np.linspace(0, data.trained_hours(series) - CALIBRATION_H, CALIBRATION_SEQUENCES).astype(int)
    return [series.features[start : start + CALIBRATION_H] for start in starts]


def held_out() -> list[Frames]:
    """The held-out hours as one stream, with two weeks before them in which the state settles."""
    series = data.load()
    return [series.features[data.trained_hours(series) - data.LEAD_IN_H :]]


def error(found: Sequence[Answer]) -> float:
    """Mean absolute error in kWh, over both horizons."""
    return float(data.held_out_errors(data.load(), found[0][data.LEAD_IN_H :]).mean())


TASK = Task(
    name="forecasting",
    metric="mean absolute error",
    unit="kWh",
    inputs=f"1,T,{data.FEATURES}",
    module=Forecaster,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=error,
    package=data.PACKAGE.install,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
