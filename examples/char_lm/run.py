"""The language identifier in float and in integers, on messages it has never seen: python -m examples.char_lm.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from examples.char_lm import data
from examples.char_lm.model import WEIGHTS, LanguageOf
from examples.common import pictures
from examples.common.integers import main, stream
from examples.common.task import Answer, Frames, Run, Task, share_right

CALIBRATION_TEXTS = 64


def calibration() -> list[Frames]:
    """Messages trained on, evenly spread over all."""
    known, _ = data.train_and_held_out()
    return list(known.texts[:: len(known) // CALIBRATION_TEXTS])


def held_out() -> list[Frames]:
    """All held-out messages."""
    return list(data.train_and_held_out()[1].texts)


def accuracy(found: Sequence[Answer]) -> float:
    """Percent of the messages whose language is right after the last byte."""
    return share_right(data.train_and_held_out()[1].labels)([answer[-1] for answer in found])


def show(run: Run) -> list[Path]:
    """Which languages are taken for which; what a model says of one message while it is written."""
    texts = data.train_and_held_out()[1]
    last = [answer[-1] for answer in run.answers["int16x8"]]
    confusion = pictures.draw_confusion(texts.labels, last, data.LANGUAGES, run.folder / "confusion.png")
    return [_draw_message(run, texts.texts[int(np.argmax([len(text) for text in texts.texts]))]), confusion]


def _draw_message(run: Run, text: Frames) -> Path:
    """Probability of each language after each byte."""
    with edgernn.load(run.artifacts["int16x8"]) as session:
        scores = stream(session, [text])[0].astype(np.float64)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    drawn = pictures.figure(14, 3.5)
    plot = pictures.axes(drawn)
    plot.imshow((chances / chances.sum(axis=1, keepdims=True)).T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    plot.set_yticks(range(len(data.LANGUAGES)), data.LANGUAGES)
    plot.set_xticks(range(len(text)), [chr(byte) if 32 <= byte < 127 else "·" for byte in text])
    return pictures.write(drawn, run.folder / "message.png")


TASK = Task(
    name="char_lm",
    metric="accuracy",
    unit="%",
    inputs="int:1,T",
    module=LanguageOf,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=accuracy,
    package=data.PACKAGE.install,
    target=80.0,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
