"""Interleaved timing of several ways to do the same step.

Times are processor time of the process, all its threads together: equal to the time on the wall for
one thread on an idle machine, and unlike it not lengthened by other processes on a busy one.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Step = Callable[[Any], Any]


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collection pauses belong to no candidate."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def interleaved_us(
    steps: Mapping[str, Step], frames: Mapping[str, Sequence[Any]], rounds: int, burst_us: float = 2000.0
) -> dict[str, list[float]]:
    """Microseconds per step of each candidate: one mean a burst, one burst of each candidate a round.

    A burst takes about ``burst_us`` and is preceded by steps that are not timed, which bring the
    candidate's weights back into the caches. The order changes from round to round.
    """
    sources = {name: itertools.cycle(frames[name]) for name in steps}
    lengths = {name: _burst_length(step, sources[name], burst_us) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    with no_garbage_collection():
        for round_number in range(rounds):
            shift = round_number % len(names)
            for name in [*names[shift:], *names[:shift]]:
                times[name].append(_burst(steps[name], sources[name], lengths[name]))
    return times


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median burst of each candidate."""
    return {name: statistics.median(values) for name, values in times.items()}


def _burst(step: Step, source: Iterator[Any], length: int) -> float:
    for frame in itertools.islice(source, max(3, length // 10)):
        step(frame)
    batch = list(itertools.islice(source, length))
    start = time.process_time_ns()
    for frame in batch:
        step(frame)
    return (time.process_time_ns() - start) / length / 1e3


def _burst_length(step: Step, source: Iterator[Any], burst_us: float) -> int:
    estimate = statistics.median(_burst(step, source, 20) for _ in range(5))
    return max(10, min(2000, round(burst_us / estimate)))
