"""Events in a score that a model gives to each frame: voice, a keyword, a fault."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.scores import FLOAT_SCALE
from edgernn.runtime.decode.arithmetic import integer_scores

ROUNDING = 1e-9
"""Of a threshold in units of a scale: 0.3 / 0.1 is 3."""


@dataclass(frozen=True)
class Change:
    """An event began in ``frame``, or was over in it; frames are counted from 0."""

    kind: Literal["began", "ended"]
    frame: int


class EventDetector:
    """Finds events while frames come, the same ones as ``ern_event_step`` in C.

    on    score from which an event may begin
    off   score below which it may end: at most ``on``, which it is by default (hysteresis)
    rise  frames in a row that have to reach ``on``; the event begins with the first of them (debouncing)
    fall  frames in a row that have to stay below ``off``; the event ends before the first of them

    Raises UsageError for values out of range.
    """

    def __init__(self, on: float, off: float | None = None, rise: int = 1, fall: int = 1) -> None:
        off = on if off is None else off
        if not off <= on or not math.isfinite(on) or not math.isfinite(off):
            raise UsageError(f"off is at most on, found {off!r} and {on!r}")
        if rise < 1 or fall < 1:
            raise UsageError(f"rise and fall are numbers of frames, at least 1, found {rise!r} and {fall!r}")
        self.on, self.off, self.rise, self.fall = on, off, rise, fall
        self.reset()

    def reset(self) -> None:
        """Begin another stream: no event, frame 0."""
        self.frame, self.active, self._run = 0, False, 0

    def thresholds(self, scale: float | None = None) -> tuple[int, int]:
        """``on`` and ``off`` in units of integer scores, or of 2^-16 for float32: what C takes."""
        unit = FLOAT_SCALE if scale is None else scale
        on, off = (math.ceil(value / unit - ROUNDING) for value in (self.on, self.off))
        return on, off

    def step(self, score: Any, scale: float | None = None) -> Change | None:
        """Take the score of a frame, one number: float32, or int16 or int8 in units of ``scale``.

        Raises UsageError as ``Sampler.choose``.
        """
        value = int(integer_scores(np.reshape(score, -1)[:1], scale)[0][0])
        on, off = self.thresholds(scale)
        self._run = self._run + 1 if (value < off if self.active else value >= on) else 0
        self.frame += 1
        needed = self.fall if self.active else self.rise
        if self._run < needed:
            return None
        self._run, self.active = 0, not self.active
        return Change("began" if self.active else "ended", self.frame - needed)

    def events(self, scores: Iterable[Any], scale: float | None = None) -> list[tuple[int, int]]:
        """Events in the scores of a whole stream, as (first frame, frame after the last); its end ends the last one."""
        self.reset()
        changes = [change for score in scores if (change := self.step(score, scale)) is not None]
        frames = [change.frame for change in changes] + [self.frame] * self.active
        return list(zip(frames[::2], frames[1::2], strict=True))
