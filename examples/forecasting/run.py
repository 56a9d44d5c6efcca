"""The forecaster in float and in integers, on hours it has never seen: python -m examples.forecasting.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from examples.common import pictures
from examples.common.integers import main, stream
from examples.common.task import Answer, Frames, Run, Task
from examples.forecasting import ahead, anomalies, data
from examples.forecasting.model import WEIGHTS, Forecaster

CALIBRATION_SEQUENCES = 16
CALIBRATION_H = 4 * data.WEEK_H
SHOWN_DAYS = slice(21, 31)


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


def show(run: Run) -> list[Path]:
    """Two weeks of held-out hours and what was said of them; days ahead; faults that forecast errors reveal."""
    with edgernn.load(run.artifacts["int16x8"]) as session:
        found = anomalies.find(lambda hours: stream(session, [hours])[0])
        days = ahead.find(session, data.load())
    drawn = [_draw_days(days, run.folder / "days.png"), _draw_anomalies(found, run.folder / "anomalies.png")]
    return [_draw_forecast(run), *drawn]


def _draw_forecast(run: Run) -> Path:
    """Demand, and what was foreseen one hour and a day before."""
    series, answer = data.load(), run.answers["int16x8"][0]
    first = data.trained_hours(series)
    hours = np.arange(first + data.WEEK_H, first + 3 * data.WEEK_H)
    drawn = pictures.figure(11, 3.5)
    plot = pictures.axes(drawn)
    plot.plot(series.demand[hours], color="black", linewidth=1, label="measured")
    for column, horizon in enumerate(data.HORIZONS_H):
        said = answer[hours - horizon - first + data.LEAD_IN_H, column]
        plot.plot(said, linewidth=1, label=f"int16x8, {horizon} h ahead")
    plot.set_xlabel("hour")
    plot.set_ylabel("kWh")
    plot.legend(frameon=False)
    return pictures.write(drawn, run.folder / "forecast.png")


def _draw_days(days: ahead.Days, path: Path) -> Path:
    """Days as they were foreseen at midnight, and as they were."""
    drawn = pictures.figure(11, 3)
    plot = pictures.axes(drawn)
    plot.plot(days.measured[SHOWN_DAYS].reshape(-1), color="black", linewidth=1, label="measured")
    for k, day in enumerate(days.foreseen[SHOWN_DAYS]):
        hours = np.arange(data.DAY_H * k, data.DAY_H * (k + 1))
        plot.plot(hours, day, color="C0", linewidth=1.5, label="int16x8, foreseen at midnight" if k == 0 else None)
    plot.set_xticks(np.arange(0, data.DAY_H * (SHOWN_DAYS.stop - SHOWN_DAYS.start) + 1, data.DAY_H))
    plot.set_xlabel("hour")
    plot.set_ylabel("kWh")
    plot.legend(frameon=False)
    plot.set_title(
        f"{len(days.foreseen)} days, hour by hour from midnight: error {days.error:.2f} kWh, 24 hours ahead "
        f"{days.error_of_last:.2f}; that of the day before {days.error_of_before:.2f}"
    )
    return pictures.write(drawn, path)


def _draw_anomalies(found: anomalies.Found, path: Path) -> Path:
    """The excess of demand over forecast, the threshold, and where the faults are."""
    drawn = pictures.figure(11, 3)
    plot = pictures.axes(drawn)
    plot.plot(found.excess, linewidth=1)
    plot.axhline(found.threshold, color="C3", linewidth=1)
    for first, end in anomalies.spans(found.faulty):
        plot.axvspan(first, end, color="C1", alpha=0.3, linewidth=0)
    plot.set_xlabel("held-out hour; coloured where something is left on")
    plot.set_ylabel("kWh above forecast")
    faults = len(anomalies.spans(found.faulty))
    plot.set_title(f"{found.detected} of {faults} faults found, {found.false_alarms} false alarms: F1 {found.f1:.2f}")
    return pictures.write(drawn, path)


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
    lower_is_better=True,
    loss=1.0,
    target=0.67 * 1.2069,
    rate_hz=1 / 3600,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
