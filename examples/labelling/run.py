"""The tagger in float and in integers, on sentences it has never seen: python -m examples.labelling.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples.common import pictures
from examples.common.integers import main
from examples.common.task import Answer, Frames, Measure, Run, Task
from examples.labelling import data
from examples.labelling.data import ENGLISH, NAMES, PARTS
from examples.labelling.model import WEIGHTS, Tagger

CALIBRATION_SENTENCES = 32
SHOWN_SENTENCES = 12
OUTSIDE = NAMES.index("O")


def calibration() -> list[Frames]:
    """Sentences trained on, evenly spread over all."""
    known = data.train_and_held_out()[0].symbols
    return list(known[:: len(known) // CALIBRATION_SENTENCES])


def held_out() -> list[Frames]:
    """The held-out sentences."""
    return list(data.train_and_held_out()[1].symbols)


def share_of_parts(found: Sequence[Answer]) -> float:
    """Percent of the words whose part of speech is recognised."""
    wanted = np.concatenate(data.train_and_held_out()[1].parts)
    return 100 * float(np.mean(np.concatenate(found)[:, : len(PARTS)].argmax(axis=1) == wanted))


def f1_of_names(found: Sequence[Answer]) -> float:
    """Twice the words in names that are labelled right, for each word that is labelled so or should be, in percent."""
    wanted = np.concatenate(data.train_and_held_out()[1].names)
    said = np.concatenate([names_of(scores) for scores in found])
    right = np.sum((said == wanted) & (wanted != OUTSIDE))
    return 200 * float(right) / float(np.sum(said != OUTSIDE) + np.sum(wanted != OUTSIDE))


def names_of(scores: Answer) -> NDArray[np.int64]:
    """The label of each word."""
    labels: NDArray[np.int64] = scores[:, len(PARTS) :].argmax(axis=1)
    return labels


def show(run: Run) -> list[Path]:
    """How labels of names are taken for each other, and sentences with what the model says of each word."""
    sentences, found = data.train_and_held_out()[1], run.answers["int16x8"]
    text = run.folder / "sentences.txt"
    rows = [row for k in range(SHOWN_SENTENCES) for row in (*_labelled(sentences, k, found[k]), "")]
    head = f"{'wanted':>8} {'found':>8}  {'part of speech':<16} word"
    text.write_text("\n".join([head, "", *rows]), encoding="utf-8")
    scores = np.concatenate(found)[:, len(PARTS) :]
    picture = run.folder / "names.png"
    return [pictures.draw_confusion(np.concatenate(sentences.names), list(scores), NAMES, picture), text]


def _labelled(sentences: data.Sentences, k: int, scores: Answer) -> list[str]:
    parts = scores[:, : len(PARTS)].argmax(axis=1)
    columns = zip(sentences.words[k], sentences.names[k], names_of(scores), parts, strict=True)
    return [f"{NAMES[wanted]:>8} {NAMES[said]:>8}  {ENGLISH[part]:<16} {word}" for word, wanted, said, part in columns]


TASK = Task(
    name="labelling",
    metric="parts of speech, accuracy",
    unit="%",
    inputs=f"int:1,T,{data.SYMBOLS_OF_WORD}",
    module=Tagger,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=share_of_parts,
    package=data.PACKAGE.install,
    target=98.0,
    mode="segment",
    max_frames=data.MAX_WORDS,
    also=(Measure(metric="names, F1 of words", unit="%", score=f1_of_names, target=60.0),),
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
