"""The classifier in float and in integers, on sentences it has never seen: python -m examples.sentiment.run"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import edgernn
from examples.common import pictures
from examples.common.integers import main
from examples.common.task import Frames, Run, Task, share_right
from examples.sentiment import data
from examples.sentiment.model import WEIGHTS, Sentiment

CALIBRATION_SENTENCES = 64
SHOWN_SENTENCES, SHOWN_WORDS = 6, (8, 13)


def calibration() -> list[Frames]:
    """Sentences trained on, evenly spread over all."""
    known = data.train_and_held_out()[0].words
    return list(known[:: len(known) // CALIBRATION_SENTENCES])


def held_out() -> list[Frames]:
    """All held-out sentences."""
    return list(data.train_and_held_out()[1].words)


def show(run: Run) -> list[Path]:
    """What the model thinks of some sentences, after each word."""
    sentences = data.train_and_held_out()[1]
    lengths = np.array([len(words) for words in sentences.words])
    chosen = np.flatnonzero((lengths >= SHOWN_WORDS[0]) & (lengths <= SHOWN_WORDS[1]))[:SHOWN_SENTENCES]
    drawn = pictures.figure(11, 1.15 * len(chosen))
    plots = pictures.axes(drawn, len(chosen), 1)
    with edgernn.load(run.artifacts["int16x8"]) as session:
        for plot, k in zip(plots, chosen, strict=True):
            session.reset()
            scores = np.stack([np.asarray(session.step(np.array([word], np.int32))) for word in sentences.words[k]])
            positive = 1 / (1 + np.exp(scores[:, 0] - scores[:, 1]))
            plot.bar(range(len(positive)), positive - 0.5, color=["C2" if p > 0.5 else "C3" for p in positive])
            plot.set_xticks(range(len(positive)), data.split(sentences.texts[k]), fontsize="small")
            plot.set_yticks([-0.5, 0.5], data.CLASSES, fontsize="small")
            plot.set_ylim(-0.5, 0.5)
    return [pictures.write(drawn, run.folder / "sentences.png")]


TASK = Task(
    name="sentiment",
    metric="accuracy",
    unit="%",
    inputs="int:1,T",
    module=Sentiment,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: share_right(data.train_and_held_out()[1].labels)(found),
    package=data.PACKAGE.install,
    target=75.0,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
