"""The classifier of splice sites in float and in integers, on windows never seen: python -m examples.biology.run"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edgernn
from edgernn.runtime import Session
from examples.biology import data
from examples.biology.data import BASES, CLASSES, UNKNOWN, WINDOW
from examples.biology.model import WEIGHTS, SpliceSite
from examples.common import pictures
from examples.common.integers import main, stream
from examples.common.task import Frames, Run, Task, share_right

CALIBRATION_WINDOWS = 48
SHOWN_WINDOWS = 16
SITES = ("EI", "IE")


def calibration() -> list[Frames]:
    """Windows trained on, evenly spread over all."""
    known = data.train_and_held_out()[0]
    return list(known.bases[:: len(known) // CALIBRATION_WINDOWS])


def held_out() -> list[Frames]:
    """The held-out windows."""
    return list(data.train_and_held_out()[1].bases)


def show(run: Run) -> list[Path]:
    """Which bases the decision rests on; which classes are taken for which."""
    labels = data.train_and_held_out()[1].labels
    confusion = pictures.draw_confusion(labels, run.answers["int16x8"], CLASSES, run.folder / "confusion.png")
    with edgernn.load(run.artifacts["int16x8"]) as session:
        return [_draw_sites(session, run.folder / "sites.png"), confusion]


def _draw_sites(session: Session, path: Path) -> Path:
    """For donors and acceptors: how much the chance of a site falls when one base of it is hidden, at each place."""
    drawn = pictures.figure(11, 5)
    places = np.arange(WINDOW) - WINDOW // 2
    for plot, site in zip(pictures.axes(drawn, len(SITES), 1, sharex=True), SITES, strict=True):
        windows = _of_class(site)[:SHOWN_WINDOWS]
        plot.bar(places, _losses(session, windows, CLASSES.index(site)), width=0.9)
        for place, column in zip(places, _of_class(site).T, strict=True):
            plot.text(place, 0, BASES[np.bincount(column, minlength=len(BASES)).argmax()], ha="center", va="top")
        plot.set_xticks([])
        plot.set_xlim(places[0] - 1, places[-1] + 1)
        plot.axvline(-0.5, color="C1")
        plot.set_ylabel(f"{site}: loss of log odds")
    return pictures.write(drawn, path)


def _of_class(name: str) -> NDArray[np.int64]:
    windows = data.train_and_held_out()[1]
    return windows.take(windows.labels == CLASSES.index(name)).bases


def _losses(session: Session, windows: NDArray[np.int64], label: int) -> NDArray[np.float64]:
    """Mean fall of the log odds of ``label`` when the base at a place is unknown, [60]."""
    hidden = np.repeat(windows[:, None], WINDOW, axis=1)
    hidden[:, np.arange(WINDOW), np.arange(WINDOW)] = UNKNOWN
    scores = stream(session, [*windows, *hidden.reshape(-1, WINDOW)])
    odds = np.array([_log_odds(each, label) for each in scores])
    whole, without = odds[: len(windows)], odds[len(windows) :].reshape(len(windows), WINDOW)
    losses: NDArray[np.float64] = (whole[:, None] - without).mean(axis=0)
    return losses


def _log_odds(scores: NDArray[np.float32], label: int) -> float:
    others = np.delete(scores.astype(np.float64), label)
    return float(scores[label] - np.logaddexp.reduce(others))


TASK = Task(
    name="biology",
    metric="accuracy",
    unit="%",
    inputs="int:1,T",
    module=SpliceSite,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: share_right(data.train_and_held_out()[1].labels)(found),
    package=data.PACKAGE.install,
    target=93.0,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
