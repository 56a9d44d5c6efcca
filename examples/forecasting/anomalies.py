"""Faults by forecast error: something that is left on uses more than was foreseen, hour after hour.

The measurements have no labels, so faults are put into the held-out hours: FAULTS times, something that takes FAULT_KWH
an hour is left on for FAULT_H hours. There is an alarm while demand, on the mean of WINDOW_H hours, exceeds the
forecasts of one hour before by more than it did in the hours trained on, but for a SPARE share of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.common.task import Answer, Frames
from examples.forecasting import data

FAULTS, FAULT_KWH, FAULT_H = 20, 2.0, 24
WINDOW_H = 24
SPARE = 0.005
SEED = 1


@dataclass(frozen=True)
class Found:
    """What was found in the held-out hours with faults in them.

    excess     mean of WINDOW_H hours of demand minus forecast, kWh, of the held-out hours
    threshold  above which there is an alarm
    faulty     whether an appliance is left on
    """

    excess: NDArray[np.float64]
    threshold: float
    faulty: NDArray[np.bool_]

    @property
    def detected(self) -> int:
        """Faults during which, or in the hours of a window after which, an alarm begins."""
        return sum(bool(self._alarms[a : b + WINDOW_H].any()) for a, b in spans(self.faulty))

    @property
    def false_alarms(self) -> int:
        """Alarms that no fault has part in."""
        near = np.convolve(self.faulty, np.ones(WINDOW_H), "full")[: len(self.faulty)] > 0
        return sum(not near[a:b].any() for a, b in spans(self._alarms))

    @property
    def f1(self) -> float:
        """The harmonic mean of the share of faults that were found and of alarms that were right."""
        count = len(spans(self.faulty))
        return 2 * self.detected / (self.detected + self.false_alarms + count)

    @property
    def _alarms(self) -> NDArray[np.bool_]:
        alarms: NDArray[np.bool_] = self.excess > self.threshold
        return alarms


def spans(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last index of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def find(forecast: Callable[[Frames], Answer]) -> Found:
    """Let a forecaster, features [T, 10] to demand [T, 2], watch the held-out hours with faults."""
    usual = data.load()
    first, count = data.trained_hours(usual), len(usual)
    faulty = faults(first, count)
    series = data.load(np.where(faulty, np.float32(FAULT_KWH), np.float32(0)))
    known = _excess(usual.demand[:first], forecast(usual.features[:first]))[data.LEAD_IN_H :]
    start = first - data.LEAD_IN_H
    watched = _excess(series.demand[start:], forecast(series.features[start:]))[data.LEAD_IN_H :]
    return Found(watched, float(np.quantile(known, 1 - SPARE)), faulty[first:])


def faults(first: int, count: int) -> NDArray[np.bool_]:
    """Of ``count`` hours those with a fault, which begin at random in equal parts of the hours from ``first``."""
    rng = np.random.default_rng(SEED)
    part = (count - first) // FAULTS
    flags = np.zeros(count, bool)
    for k in range(FAULTS):
        start = first + k * part + int(rng.integers(WINDOW_H, part - FAULT_H - WINDOW_H))
        flags[start : start + FAULT_H] = True
    return flags


def _excess(demand: NDArray[np.float32], forecast: Answer) -> NDArray[np.float64]:
    error = np.concatenate([[0.0], demand[1:].astype(np.float64) - forecast[:-1, 0]])
    return np.convolve(error, np.full(WINDOW_H, 1 / WINDOW_H), "full")[: len(error)]
