"""The character model in float and in integers, on chapters never seen: python -m examples.text_generation.run"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edgernn.errors import ValidationError
from examples.common import pictures
from examples.common.integers import main
from examples.common.language import bits, surprise
from examples.common.task import BOARDS, Answer, Frames, Run, Task
from examples.text_generation import data
from examples.text_generation.model import WEIGHTS, CharacterModel
from examples.text_generation.write import on_board, on_engine

CALIBRATION_CHAPTERS = 16
CALIBRATION_CHARACTERS = 400
PROMPTS = ("And God said", "In those days", "Blessed")
ENGINES = ("native", "numba", "reference")
WRITTEN = 240
ROWS, COLUMNS = 4, 80


def calibration() -> list[Frames]:
    """The first characters of chapters trained on, evenly spread over all."""
    known = data.load().known
    return [chapter[:CALIBRATION_CHARACTERS] for chapter in known[:: len(known) // CALIBRATION_CHAPTERS]]


def held_out() -> list[Frames]:
    """The held-out chapters."""
    return list(data.load().held_out)


def show(run: Run) -> list[Path]:
    """Texts that the model writes, the same on engines and a board; how well it foresees a held-out chapter."""
    library = run.artifacts["int16x8"]
    portable = library.with_suffix(".ern")
    texts = {
        engine: on_engine(library if engine == "native" else portable, engine, PROMPTS, WRITTEN) for engine in ENGINES
    }
    texts[BOARDS[0]] = on_board(portable, BOARDS[0], PROMPTS, WRITTEN)
    if different := [name for name in texts if texts[name] != texts[ENGINES[0]]]:
        raise ValidationError(f"text_generation: {', '.join(different)} wrote another text than {ENGINES[0]} did")
    path = run.folder / "texts.txt"
    rows = [prompt + text for prompt, text in zip(PROMPTS, texts[ENGINES[0]], strict=True)]
    path.write_text("\n\n".join([f"The same on {', '.join(texts)}:", *rows, ""]), encoding="utf-8")
    return [_draw(data.load().held_out[0], run.answers["int16x8"][0], run.folder / "surprise.png"), path]


def _draw(chapter: Frames, surprise: Answer, path: Path) -> Path:
    """The beginning of a chapter; the darker a character, the less it was expected."""
    drawn = pictures.figure(13, 0.45 * ROWS)
    plot = drawn.subplots()
    plot.set_axis_off()
    nats = surprise[: ROWS * COLUMNS].reshape(ROWS, COLUMNS)
    plot.imshow(nats / np.log(2), aspect="auto", cmap="Reds", vmin=0, vmax=10)
    for (row, column), character in np.ndenumerate(chapter[1 : ROWS * COLUMNS + 1].reshape(ROWS, COLUMNS)):
        plot.text(column, row, data.ALPHABET[character], ha="center", va="center", family="monospace", fontsize="small")
    return pictures.write(drawn, path)


TASK = Task(
    name="text_generation",
    metric="entropy",
    unit="bits/character",
    inputs="int:1,T",
    module=CharacterModel,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=bits,
    package=data.PACKAGE.install,
    lower_is_better=True,
    loss=1.0,
    summary=surprise,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
