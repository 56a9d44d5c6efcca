"""The classifier of strokes in float and in integers, on characters never seen: python -m examples.handwriting.run"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import edgernn
from edgernn.runtime import Session
from examples.common import pictures
from examples.common.integers import main
from examples.common.task import Answer, Frames, Run, Task, share_right
from examples.handwriting import data
from examples.handwriting.data import Stroke
from examples.handwriting.model import WEIGHTS, StrokeKind

CALIBRATION_EVERY = 60
CALIBRATION_STROKES = 160
SHOWN_ROWS, SHOWN_COLUMNS = 3, 4
NAMES = tuple(unicodedata.name(kind).split()[-1] for kind in data.KINDS)
"""What Unicode calls the kinds, by how the pen goes: H is across, S is down, HZ is across and then down."""


def calibration() -> list[Frames]:
    """Strokes of characters trained on, from all parts of the file."""
    strokes = data.known(CALIBRATION_EVERY)
    return [stroke.positions for stroke in strokes[:: len(strokes) // CALIBRATION_STROKES]]


@cache
def held_out() -> list[Frames]:
    """All strokes of the held-out characters."""
    return [stroke.positions for stroke in data.held_out()]


def labels() -> list[int]:
    """Their kinds."""
    return [stroke.label for stroke in data.held_out()]


def accuracy(found: Sequence[Answer]) -> float:
    """Percent of the held-out strokes whose kind is right at the end."""
    return share_right(labels())(found)


def show(run: Run) -> list[Path]:
    """Strokes with what the model says of each while it is drawn; which kinds are taken for which."""
    confusion = pictures.draw_confusion(labels(), run.answers["int16x8"], NAMES, run.folder / "confusion.png")
    with edgernn.load(run.artifacts["int16x8"]) as session:
        return [_draw_strokes(session, run.folder / "strokes.png"), confusion]


def _draw_strokes(session: Session, path: Path) -> Path:
    """The longest stroke of each of some kinds, coloured by whether what is said of it is right so far."""
    strokes = data.held_out()
    drawn = pictures.figure(3 * SHOWN_COLUMNS, 3 * SHOWN_ROWS)
    for plot, label in zip(drawn.subplots(SHOWN_ROWS, SHOWN_COLUMNS).flat, _bent_kinds(), strict=False):
        stroke = max((stroke for stroke in strokes if stroke.label == label), key=lambda each: len(each.curve))
        _draw_stroke(plot, stroke, session)
    return pictures.write(drawn, path)


def _draw_stroke(plot: Any, stroke: Stroke, session: Session) -> None:
    session.reset()
    positions = stroke.positions
    said = [int(np.asarray(scores).argmax()) for scores in session.stream(positions)]
    for start, end, kind in zip(positions[:-1], positions[1:], said, strict=True):
        plot.plot(*np.stack([start, end]).T, color="C2" if kind == stroke.label else "C3", linewidth=3)
    changes = [k for k, kind in enumerate(said) if k == 0 or kind != said[k - 1]]
    for k in changes:
        plot.annotate(NAMES[said[k]], positions[k + 1], (6, 0), textcoords="offset points", fontsize="small")
        plot.plot(*positions[k + 1], "k.")
    plot.set_aspect("equal", adjustable="datalim")
    plot.invert_yaxis()
    plot.set_axis_off()
    plot.set_title(NAMES[stroke.label])


def _bent_kinds() -> list[int]:
    """Kinds whose names have several parts, the most frequent first."""
    return [label for label, name in enumerate(NAMES) if len(name) > 1]


TASK = Task(
    name="handwriting",
    metric="accuracy",
    unit="%",
    inputs="1,T,2",
    module=StrokeKind,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=accuracy,
    package=data.PACKAGE.install,
    target=88.0,
    summary=lambda _, answer: answer[-1],
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
