"""The keyword spotter in float and in integers, by voices it has never heard: python -m examples.keywords.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from edgernn.runtime import Session
from examples.common import pictures
from examples.common.integers import main
from examples.common.sound import write_wav
from examples.common.task import Answer, Frames, Run, Task, share_right
from examples.keywords import data
from examples.keywords.model import WEIGHTS, Keywords

SHOWN = (0, 5, 8, data.OTHER)
LATE = 2
"""Frames by which an answer is late: the convolution looks ahead."""


def calibration() -> list[Frames]:
    """Clips of words trained on."""
    return list(data.calibration())


def held_out() -> list[Frames]:
    """The held-out clips."""
    return list(data.held_out().frames)


def accuracy(found: Sequence[Answer]) -> float:
    """Percent of the held-out clips that are recognised."""
    return share_right(data.held_out().labels)(found)


def show(run: Run) -> list[Path]:
    """Which words are taken for which; some clips, and what the integer model says after each of their frames."""
    clips = data.held_out()
    chosen = [int(np.flatnonzero(clips.labels == label)[0]) for label in SHOWN]
    with edgernn.load(run.artifacts["int16x8"]) as session:
        scores = [_while_it_lasts(session, clips.frames[k]) for k in chosen]
    confusion = pictures.draw_confusion(clips.labels, run.answers["int16x8"], data.LABELS, run.folder / "confusion.png")
    waveforms = [clips.frames[k].reshape(-1) for k in chosen]
    titles = [data.LABELS[label] for label in SHOWN]
    sound = write_wav(run.folder / "clips.wav", np.concatenate(waveforms), data.RATE_HZ)
    return [_draw(titles, waveforms, scores, run.folder / "clips.png"), confusion, sound]


def _while_it_lasts(session: Session, frames: Frames) -> Answer:
    session.reset()
    return np.stack([np.asarray(row) for row in session.stream(frames, flush=True)])


def _draw(titles: Sequence[str], waveforms: Sequence[Frames], scores: Sequence[Answer], path: Path) -> Path:
    """Each clip over the chances of the labels, of which those are named that become likely."""
    drawn = pictures.figure(12, 3.5)
    plots = pictures.axes(drawn, 2, len(titles), sharex=True, sharey="row", height_ratios=(1, 2))
    for title, waveform, answer, (above, below) in zip(titles, waveforms, scores, plots.T, strict=True):
        above.plot(np.arange(len(waveform)) / data.RATE_HZ, waveform, color="0.3", linewidth=0.4)
        above.set_title(f"said: {title}", fontsize="medium")
        chances = np.exp(answer - answer.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        seconds = (np.arange(len(answer)) + 1 + LATE) * data.HOP / data.RATE_HZ
        for label, name in enumerate(data.LABELS):
            named, line = chances[:, label].max() > 0.4, "-" if label < data.OTHER else "--"
            below.plot(seconds, chances[:, label], line, color=f"C{label % 10}", label=name if named else None)
        below.legend(fontsize="small", frameon=False)
        below.set_xlabel("seconds")
    return pictures.write(drawn, path)


TASK = Task(
    name="keywords",
    metric="accuracy",
    unit="%",
    inputs=f"1,T,{data.HOP}",
    module=Keywords,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=accuracy,
    package=data.PACKAGE.install,
    target=97.0,
    rate_hz=data.RATE_HZ / data.HOP,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
