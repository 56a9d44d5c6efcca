"""The measurements: electricity of one building and the temperature outside, hour by hour.

Source: the PyPI package ``eemeter`` 4.1.1 (Apache-2.0), ``il-electricity-cdd-hdd-hourly.csv.gz`` (kWh in each hour)
and ``il-tempF.csv.gz``: 19,417 hours from November 2015 to February 2018. The first 80 % are for training; the last
20 %, September 2017 to February 2018, are held out.

Temperatures 1 and 24 hours ahead stand for the weather forecast, which a deployed model would be given: they are the
measured ones, so the figures are those of a perfect forecast of the weather.
"""

from __future__ import annotations

import csv
import datetime
import gzip
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("eemeter", "4.1.1", "measurements of electricity")
FOLDER = "eemeter/eemeter/samples"
DEMAND = f"{FOLDER}/il-electricity-cdd-hdd-hourly.csv.gz"
TEMPERATURE = f"{FOLDER}/il-tempF.csv.gz"
SHA256 = {
    DEMAND: "a00c9726176c4a98e938673baada636fe90bb312eb0d9911c22ee6a7b9f685d3",
    TEMPERATURE: "e8b878d06361bfd5cb5acfabd11049f4f16437eeaff0c7c016db7273abce97e9",
}

HORIZONS_H = (1, 24)
DAY_H, WEEK_H = 24, 168
TRAINED_SHARE = 0.8
LEAD_IN_H = 2 * WEEK_H
FEATURES = 10


@dataclass(frozen=True)
class Series:
    """Hours one after the other.

    features  float32 [T, 10]: log(1 + kWh) in this hour, 23 and 167 hours before it; temperature now, 1 and 24 hours
              ahead, in units of 20 F around 52 F; sine and cosine of the hour of the day and of the day of the week
    demand    float32 [T], kWh
    targets   float32 [T, 2], kWh 1 and 24 hours ahead; the end, which nobody knows, is cut off
    """

    features: NDArray[np.float32]
    demand: NDArray[np.float32]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.targets)


def load(extra: NDArray[np.float32] | None = None) -> Series:
    """The whole series; with ``extra`` [T], kWh that were used besides in each of the first hours.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    times, demand = _column(DEMAND)
    _, fahrenheit = _column(TEMPERATURE)
    if extra is not None:
        demand = demand + np.pad(extra, (0, len(demand) - len(extra)))
    level, warmth = np.log1p(demand), ((fahrenheit - 52) / 20).astype(np.float32)
    columns = [level, _shifted(level, 1 - DAY_H), _shifted(level, 1 - WEEK_H)]
    columns += [_shifted(warmth, hours) for hours in (0, *HORIZONS_H)]
    columns += [*_circle([t.hour for t in times], 24), *_circle([t.weekday() for t in times], 7)]
    targets = np.stack([_shifted(demand, hours) for hours in HORIZONS_H], axis=1)
    known = len(demand) - max(HORIZONS_H)
    return Series(np.stack(columns, axis=1).astype(np.float32)[:known], demand[:known], targets[:known])


def _column(member: str) -> tuple[list[datetime.datetime], NDArray[np.float32]]:
    """Times and values of a file with two columns."""
    with gzip.open(PACKAGE.file(member, SHA256[member]), "rt", encoding="ascii", newline="") as file:
        rows = list(csv.reader(file))[1:]
    times = [datetime.datetime.fromisoformat(row[0]) for row in rows]
    return times, np.asarray([float(row[1]) for row in rows], np.float32)


def _shifted(values: NDArray[np.float32], hours: int) -> NDArray[np.float32]:
    """At each hour the value ``hours`` later (before, where negative); zero where there is none."""
    result = np.zeros_like(values)
    if hours >= 0:
        result[: len(values) - hours] = values[hours:]
    else:
        result[-hours:] = values[:hours]
    return result


def _circle(positions: list[int], period: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angle = 2 * np.pi * np.asarray(positions) / period
    return np.sin(angle), np.cos(angle)


def trained_hours(series: Series) -> int:
    """How many hours, from the first, training may see."""
    return int(len(series) * TRAINED_SHARE)


def held_out_errors(series: Series, forecast: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean absolute errors in kWh, for both horizons, of ``forecast`` [T, 2] of the held-out hours."""
    wanted = series.targets[trained_hours(series) :]
    errors: NDArray[np.float64] = np.abs(forecast.astype(np.float64) - wanted).mean(axis=0)
    return errors


def simple_forecasts(series: Series) -> dict[str, NDArray[np.float32]]:
    """What needs no model, for the held-out hours: [T, 2].

    persistence  the demand of this hour
    daily        the demand of the same hour of the last day that is known
    weekly       the demand of the same hour a week before
    """
    start = trained_hours(series)
    now = np.arange(start, len(series))
    per = {"persistence": [0, 0], "daily": [1 - DAY_H, 0], "weekly": [1 - WEEK_H, DAY_H - WEEK_H]}
    return {name: np.stack([series.demand[now + h] for h in hours], axis=1) for name, hours in per.items()}
