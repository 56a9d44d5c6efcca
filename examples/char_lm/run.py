"""The language identifier in float and in integers, on messages it has never seen: python -m examples.char_lm.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from examples.char_lm import data
from examples.char_lm.model import WEIGHTS, LanguageOf
from examples.common.integers import main
from examples.common.task import Answer, Frames, Task, share_right

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
)

if __name__ == "__main__":
    sys.exit(main(TASK))
