"""The model of directions in float and in integers, on films of digits never seen: python -m examples.video.run"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import edgernn
from examples.common import digits, pictures
from examples.common.integers import main
from examples.common.task import Frames, Run, Task, share_right
from examples.video import data
from examples.video.model import WEIGHTS, Direction

CALIBRATION_FILMS = 32
CALIBRATION_SEED = 100
SHOWN_FILMS = 4


def calibration() -> list[Frames]:
    """Films of images trained on."""
    known = digits.train_and_held_out()[0]
    return list(data.films(known, CALIBRATION_FILMS, np.random.default_rng(CALIBRATION_SEED)).frames)


def held_out() -> list[Frames]:
    """The held-out films."""
    return list(data.held_out().frames)


def show(run: Run) -> list[Path]:
    """Films with the decision after each frame; which directions are taken for which."""
    films = data.held_out()
    confusion = pictures.draw_confusion(
        films.labels, run.answers["int16x8"], data.DIRECTIONS, run.folder / "confusion.png"
    )
    return [_draw_films(run, films), confusion]


def _draw_films(run: Run, films: data.Films) -> Path:
    """Frames in a row, and below each the probability of every direction."""
    drawn = pictures.figure(11, 2.1 * SHOWN_FILMS)
    rows = drawn.subplots(2 * SHOWN_FILMS, 1, height_ratios=[1, 1.6] * SHOWN_FILMS)
    with edgernn.load(run.artifacts["int16x8"]) as session:
        for k in range(SHOWN_FILMS):
            above, below = rows[2 * k : 2 * k + 2]
            session.reset()
            scores = np.stack([np.asarray(session.step(frame)) for frame in films.frames[k]]).astype(np.float64)
            chances = np.exp(scores - scores.max(axis=1, keepdims=True))
            above.imshow(np.hstack(list(films.frames[k])), cmap="gray", vmin=0, vmax=1, aspect="auto")
            for edge in range(1, len(scores)):
                above.axvline(edge * data.SIZE - 0.5, color="C1", linewidth=0.8)
            above.set_axis_off()
            above.set_title(f"moves {data.DIRECTIONS[films.labels[k]]}", fontsize="small")
            below.imshow((chances / chances.sum(axis=1, keepdims=True)).T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
            below.set_yticks(range(len(data.DIRECTIONS)), data.DIRECTIONS, fontsize="x-small")
            below.set_xticks([])
    return pictures.write(drawn, run.folder / "films.png")


TASK = Task(
    name="video",
    metric="accuracy",
    unit="%",
    inputs=f"1,T,{data.SIZE},{data.SIZE}",
    module=Direction,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: share_right(data.held_out().labels)(found),
    package=data.PACKAGE.install,
    target=99.0,
    rate_hz=data.RATE_HZ,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
