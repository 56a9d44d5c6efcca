"""The reader of lines in float and in integers, on digits never seen: python -m examples.handwriting_ocr.run"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import edgernn
from edgernn.runtime import Session
from examples.common import digits, pictures
from examples.common.integers import main, stream
from examples.common.task import Answer, Frames, Run, Task
from examples.common.transcripts import best_path, error_rate
from examples.handwriting_ocr import data
from examples.handwriting_ocr.data import BLANK
from examples.handwriting_ocr.model import WEIGHTS, LineReader

CALIBRATION_LINES = 12
CALIBRATION_SEED = 100
SHOWN_LINES = 4


def calibration() -> list[Frames]:
    """Lines of images trained on."""
    known = digits.train_and_held_out()[0]
    return list(data.lines(known, CALIBRATION_LINES, np.random.default_rng(CALIBRATION_SEED)).columns)


def held_out() -> list[Frames]:
    """The held-out lines."""
    return list(data.held_out().columns)


def read(_: Frames, scores: Answer) -> Answer:
    """The digits of the best path."""
    return best_path(BLANK, scores) - 1


def show(run: Run) -> list[Path]:
    """Lines, and what the model says at each column."""
    with edgernn.load(run.artifacts["int16x8"]) as session:
        return [_draw_lines(session, run.folder / "lines.png")]


def _draw_lines(session: Session, path: Path) -> Path:
    lines = data.held_out()
    chances = [np.exp(scores) for scores in stream(session, list(lines.columns[:SHOWN_LINES]))]
    drawn = pictures.figure(11, 2.4 * SHOWN_LINES)
    rows = drawn.subplots(2 * SHOWN_LINES, 1, height_ratios=[1, 1.3] * SHOWN_LINES)
    for k in range(SHOWN_LINES):
        above, below = rows[2 * k : 2 * k + 2]
        above.imshow(lines.columns[k].T, cmap="gray", vmin=0, vmax=1, aspect="auto")
        above.set_axis_off()
        text = "".join(str(int(digit)) for digit in read(lines.columns[k], chances[k]))
        above.set_title(f"read as {text}", fontsize="small")
        below.imshow(chances[k].T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
        below.set_yticks(range(data.SYMBOLS), ["blank", *"0123456789"], fontsize="xx-small")
        below.set_xticks([])
    return pictures.write(drawn, path)


TASK = Task(
    name="handwriting_ocr",
    metric="digit error rate",
    unit="%",
    inputs=f"1,T,{data.ROWS}",
    module=LineReader,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: error_rate(data.held_out().texts.tolist(), found),
    package=data.PACKAGE.install,
    target=4.0,
    lower_is_better=True,
    summary=read,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
