"""The phase estimator in float and in integers, on a person never seen: python -m examples.streaming_control.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edgernn
from edgernn.errors import ValidationError
from examples.common import pictures
from examples.common.integers import main
from examples.common.task import Answer, Frames, Run, Task
from examples.streaming_control import data
from examples.streaming_control.data import RATE_HZ
from examples.streaming_control.model import WEIGHTS, GaitPhase

CALIBRATION_SAMPLES = 3 * RATE_HZ
CALIBRATION_PER_RECORDING = 8
HOURS = 3
ROUGHER = 1.02
"""How much larger the error may be at the end of hours than at their beginning."""

SHOWN = ((1, 12_000, "4 km/h"), (3, 3_100, "level ground, with stops"))
SHOWN_SAMPLES = 12 * RATE_HZ


def calibration() -> list[Frames]:
    """Spans of three seconds of the person trained on, evenly spread over each recording."""
    spans = []
    for recording in data.load(data.KNOWN):
        for start in np.linspace(0, len(recording) - CALIBRATION_SAMPLES, CALIBRATION_PER_RECORDING).astype(int):
            spans.append(recording.hip[start : start + CALIBRATION_SAMPLES])
    return spans


def held_out() -> list[Frames]:
    """All recordings of the other person."""
    return [recording.hip for recording in data.load(data.HELD_OUT)]


def error(found: Sequence[Answer]) -> float:
    """Mean error of the phase in rad, standing included."""
    return data.mean_errors(data.load(data.HELD_OUT), found)["all"]


def show(run: Run) -> list[Path]:
    """Phases, true and estimated; the error over hours without a reset."""
    drawn = pictures.figure(11, 4.5)
    for plot, (number, first, title) in zip(pictures.axes(drawn, len(SHOWN), 1), SHOWN, strict=True):
        span = slice(first, first + SHOWN_SAMPLES)
        cos, sin = run.answers["int16x8"][number][span].T
        seconds = np.arange(SHOWN_SAMPLES) / RATE_HZ
        plot.plot(seconds, data.load(data.HELD_OUT)[number].phase[span], color="black", linewidth=1, label="true")
        plot.plot(seconds, np.arctan2(sin, cos), ".", markersize=2, color="C1", label="int16x8")
        plot.set_title(title, fontsize="medium")
        plot.set_ylabel("phase, rad")
        plot.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2)
    plot.set_xlabel("s")
    return [pictures.write(drawn, run.folder / "phase.png"), _draw_hours(run)]


def _draw_hours(run: Run) -> Path:
    """Mean errors of each pass over the held-out recordings, one after the other for hours.

    Raises:
        ValidationError: the last pass is worse than the first.
    """
    passes = _errors_for_hours(run.artifacts["int16x8"])
    if passes[-1] > ROUGHER * passes[0]:
        raise ValidationError(
            f"streaming_control: after {HOURS} hours the mean error is {passes[-1]:.4f} rad, at first {passes[0]:.4f}"
        )
    drawn = pictures.figure(8, 2.5)
    plot = pictures.axes(drawn)
    duration_h = sum(len(recording) for recording in data.load(data.HELD_OUT)) / RATE_HZ / 3600
    plot.plot(np.arange(1, len(passes) + 1) * duration_h, passes, "o-")
    plot.set_ylim(0, 1.2 * passes.max())
    plot.set_xlabel(f"hours without a reset: {len(passes)} times the held-out recordings")
    plot.set_ylabel("mean error, rad")
    return pictures.write(drawn, run.folder / "hours.png")


def _errors_for_hours(artifact: Path) -> NDArray[np.float64]:
    hip = np.concatenate([recording.hip for recording in data.load(data.HELD_OUT)])
    phase = np.concatenate([recording.phase for recording in data.load(data.HELD_OUT)])
    with edgernn.load(artifact) as session:
        return np.asarray([
            data.errors(phase, np.asarray(list(session.stream(hip, flush=False)))).mean()
            for _ in range(round(HOURS * 3600 * RATE_HZ / len(hip)))
        ])  # fmt: skip


TASK = Task(
    name="streaming_control",
    metric="mean error of the phase",
    unit="rad",
    inputs=f"1,T,{data.CHANNELS}",
    module=GaitPhase,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=error,
    package=data.PACKAGE.install,
    target=0.35,
    lower_is_better=True,
    loss=2.0,
    rate_hz=RATE_HZ,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
