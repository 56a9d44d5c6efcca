"""The day ahead, hour by hour: the model reads what it foresees for one hour as the measurement of the next.

The forecast of one hour is repeated 24 times from each midnight; hours, days, the weather forecast and the demand of
the day and the week before are known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgernn.runtime import Session
from edgernn.runtime.decode import forecast
from examples.forecasting import data

HOUR_SINE, HOUR_COSINE = 6, 7
"""Features that tell the hour."""


@dataclass(frozen=True)
class Days:
    """Held-out days, [days, 24] kWh each.

    foreseen  at midnight, for the hours 1 to 24 that follow
    measured  what they were
    before    what the same hours of the last known day were
    """

    foreseen: NDArray[np.float64]
    measured: NDArray[np.float64]
    before: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Mean absolute error over all hours."""
        return float(np.abs(self.foreseen - self.measured).mean())

    @property
    def error_of_last(self) -> float:
        """Mean absolute error 24 hours ahead."""
        return float(np.abs(self.foreseen - self.measured)[:, -1].mean())

    @property
    def error_of_before(self) -> float:
        """Mean absolute error of taking the day before, over all hours."""
        return float(np.abs(self.before - self.measured).mean())


def midnights(series: data.Series) -> NDArray[np.intp]:
    """The held-out hours 0 after which 24 more were measured."""
    at_zero = (np.abs(series.features[:, HOUR_SINE]) < 0.01) & (series.features[:, HOUR_COSINE] > 0)
    hours = np.flatnonzero(at_zero)
    return hours[(hours >= data.trained_hours(series)) & (hours + data.DAY_H < len(series))]


def find(session: Session, series: data.Series) -> Days:
    """The held-out days as ``session`` foresees them; between forecasts it reads the measurements."""
    starts, day = midnights(series), data.DAY_H
    foreseen, hour = [], data.trained_hours(series) - data.LEAD_IN_H
    session.reset()
    for start in starts:
        for frame in series.features[hour:start]:
            session.step(frame)
        state = session.snapshot()
        known = series.features[start + 1 : start + day, 1:]
        foreseen.append(forecast(session, series.features[start : start + 1], day, known, feed=_next_hour)[:, 0])
        session.restore(state)
        hour = start
    rows = starts[:, None] + np.arange(1, day + 1)
    demand = series.demand.astype(np.float64)
    return Days(np.stack(foreseen).astype(np.float64), demand[rows], demand[rows - day])


def _next_hour(output: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of an hour whose demand is the forecast of one hour."""
    return np.concatenate([[np.log1p(max(output[0], 0))], known]).astype(np.float32)
