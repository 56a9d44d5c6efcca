"""The chorale model in float and in integers, on chorales never seen: python -m examples.music.run"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgernn
from examples.common.integers import main
from examples.common.language import surprise
from examples.common.sound import write_wav
from examples.common.task import Answer, Frames, Run, Task
from examples.music import data, play
from examples.music.model import WEIGHTS, ChoraleModel

CALIBRATION_CHORALES = 24
CALIBRATION_SYMBOLS = 400
CONTINUED = (3, 20)


def calibration() -> list[Frames]:
    """The first symbols of chorales trained on, evenly spread over all."""
    known = data.load().known
    return [chorale.symbols[:CALIBRATION_SYMBOLS] for chorale in known[:: len(known) // CALIBRATION_CHORALES]]


def held_out() -> list[Frames]:
    """The held-out chorales."""
    return [chorale.symbols for chorale in data.load().held_out]


def nats_per_note(found: Sequence[Answer]) -> float:
    """Of all symbols together, notes, holds and rests, for each note."""
    total = np.concatenate(found).sum(dtype=np.float64)
    return float(total / sum(chorale.notes for chorale in data.load().held_out))


def show(run: Run) -> list[Path]:
    """How the integer model goes on after the first two bars of held-out chorales."""
    chorales = [data.load().held_out[k] for k in CONTINUED]
    with edgernn.load(run.artifacts["int16x8"]) as session:
        grids = [play.continued(session, chorale, play.GIVEN, play.LENGTH, play.SAMPLER) for chorale in chorales]
    files = [play.draw(list(zip(chorales, grids, strict=True)), run.folder / "piano_roll.png")]
    for chorale, grid in zip(chorales, grids, strict=True):
        files.append(write_wav(run.folder / f"{chorale.name}.wav", play.sound(grid), play.RATE_HZ))
        files.append(play.write_midi(grid, run.folder / f"{chorale.name}.mid"))
    return files


TASK = Task(
    name="music",
    metric="negative log-likelihood",
    unit="nats/note",
    inputs="int:1,T",
    module=ChoraleModel,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=nats_per_note,
    package=data.PACKAGE.install,
    lower_is_better=True,
    loss=1.0,
    summary=surprise,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
