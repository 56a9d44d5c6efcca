"""The recogniser in float and in integers, on recordings it has never heard: python -m examples.connected_digits.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from examples.common import pictures
from examples.common.integers import main, stream
from examples.common.task import Answer, Frames, Run, Task
from examples.common.transcripts import best_path, error_rate, read_at
from examples.connected_digits import data
from examples.connected_digits.data import Number
from examples.connected_digits.model import BLANK, WEIGHTS, ConnectedDigits

SHOWN = 3


def calibration() -> list[Frames]:
    """Numbers of recordings trained on."""
    return [number.frames for number in data.calibration()]


def held_out() -> list[Frames]:
    """The held-out numbers."""
    return [number.frames for number in data.held_out()]


def show(run: Run) -> list[Path]:
    """What the integer model says after each frame of some numbers; all numbers that it got wrong."""
    numbers = data.held_out()
    with edgernn.load(run.artifacts["int16x8"]) as session:
        scores = stream(session, [number.frames for number in numbers[:SHOWN]])
    said = [tuple(int(digit) for digit in answer) for answer in run.answers["int16x8"]]
    wrong = [(n.digits, found) for n, found in zip(numbers, said, strict=True) if n.digits != found]
    head = f"{len(wrong)} of {len(numbers)} numbers are not what was said:"
    rows = [f"{_text(digits):>10}  taken for  {_text(found)}" for digits, found in wrong]
    path = run.folder / "mistakes.txt"
    path.write_text("\n".join([head, "", *rows, ""]), encoding="utf-8")
    return [_draw(numbers[:SHOWN], scores, run.folder / "spikes.png"), path]


def _text(digits: Sequence[int]) -> str:
    return " ".join(str(digit) for digit in digits)


def _draw(numbers: Sequence[Number], scores: Sequence[Answer], path: Path) -> Path:
    """The chances of the digits over time; above each row what was said, in it where a digit is read."""
    drawn = pictures.figure(10, 1.7 * len(numbers))
    for plot, number, answer in zip(pictures.axes(drawn, len(numbers), 1), numbers, scores, strict=True):
        chances = np.exp(answer - answer.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        for digit in range(BLANK):
            plot.plot(chances[:, digit], color=f"C{digit}")
        for first, digit in read_at(BLANK, answer):
            plot.text(first, 1.03, str(digit), color=f"C{digit}", ha="center", weight="bold")
        for end in number.ends[:-1]:
            plot.axvline(end - 0.5, color="0.8", zorder=0)
        plot.set_xlim(0, len(answer) - 1)
        plot.set_ylim(0, 1.15)
        plot.set_title(f"said: {_text(number.digits)}", loc="left", fontsize="medium")
    plot.set_xlabel("frame; grey: where one recording ends and the next begins")
    return pictures.write(drawn, path)


TASK = Task(
    name="connected_digits",
    metric="digit error rate",
    unit="%",
    inputs=f"1,T,{data.COEFFICIENTS}",
    module=ConnectedDigits,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: error_rate([number.digits for number in data.held_out()], found),
    package=data.INSTALL,
    target=4.0,
    lower_is_better=True,
    summary=lambda frames, scores: best_path(BLANK, scores),
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
