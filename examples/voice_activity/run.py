"""The detector in float and in integers, on people it has never heard: python -m examples.voice_activity.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.runtime.decode import EventDetector
from examples.common import pictures
from examples.common.integers import main
from examples.common.sound import write_wav
from examples.common.task import Answer, Frames, Run, Task
from examples.voice_activity import data
from examples.voice_activity.data import Scene
from examples.voice_activity.model import WEIGHTS, VoiceActivity

DETECTOR = EventDetector(on=0.5, off=-0.5, rise=3, fall=15)
"""Somebody speaks after 3 frames in a row, and has ceased to after 15, a quarter of a second."""


def calibration() -> list[Frames]:
    """Scenes of synthetic voices."""
    return [scene.frames for scene in data.calibration()]


def held_out() -> list[Frames]:
    """The call in all conditions."""
    return [scene.frames for scene in data.held_out()]


def balanced_accuracy(scenes: Sequence[Scene], found: Sequence[Answer]) -> float:
    """The mean of the shares of frames with and without speech that are recognised, in percent."""
    speech = np.concatenate([scene.speech for scene in scenes])
    said = np.concatenate(found).reshape(-1) > 0
    return 100 * float((said[speech].mean() + (~said[~speech]).mean()) / 2)


def show(run: Run) -> list[Path]:
    """The call as it is and in the loudest noise, when people speak in it, and when the integer model says so."""
    scenes, scores = data.held_out(), run.answers["int16x8"]
    drawn = pictures.figure(12, 4)
    chosen = (0, len(scenes) - 1)
    plots = pictures.axes(drawn, 2 * len(chosen), 1, sharex=True, height_ratios=(3, 2) * len(chosen))
    for k, pair in zip(chosen, (plots[:2], plots[2:]), strict=True):
        _draw(scenes[k], scores[k].reshape(-1), *pair)
    plots[-1].set_xlabel("seconds")
    plots[0].legend(
        *plots[1].get_legend_handles_labels(),
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        fontsize="small",
        frameon=False,
    )
    name = scenes[chosen[-1]].about.replace(" ", "_")
    sound = write_wav(run.folder / f"call_{name}.wav", scenes[chosen[-1]].frames.reshape(-1), data.RATE_HZ)
    return [pictures.write(drawn, run.folder / "activity.png"), sound]


def _draw(scene: Scene, scores: NDArray[np.float32], waveform: Any, below: Any) -> None:
    """The waveform over labels in grey; the chance of speech, and the events of the detector as a bar."""
    seconds = (np.arange(len(scores)) + 0.5) * data.HOP / data.RATE_HZ
    waveform.plot(np.arange(scene.frames.size) / data.RATE_HZ, scene.frames.reshape(-1), color="0.3", linewidth=0.3)
    waveform.set_title(scene.about, loc="left", fontsize="medium")
    waveform.set_yticks([])
    below.plot(seconds, 1 / (1 + np.exp(-scores)), color="C0", linewidth=0.8, label="chance of speech")
    for label, segments, level, color in (
        ("speech, by a person", segments_of(scene.speech), 1.35, "0.6"),
        ("decision", DETECTOR.events(scores), 1.15, "C2"),
    ):
        spans = np.asarray(segments).reshape(-1, 2) * data.HOP / data.RATE_HZ
        below.barh(
            [level] * len(spans), spans[:, 1] - spans[:, 0], left=spans[:, 0], height=0.14, color=color, label=label
        )
    below.set_ylim(0, 1.5)
    below.set_yticks([0, 1])


def segments_of(speech: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame, and the one after the last, of each run of speech."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], speech, [False]]).astype(int)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


TASK = Task(
    name="voice_activity",
    metric="balanced accuracy",
    unit="%",
    inputs=f"1,T,{data.HOP}",
    module=VoiceActivity,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: balanced_accuracy(data.held_out(), found),
    package=data.PACKAGE.install,
    rate_hz=data.RATE_HZ / data.HOP,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
