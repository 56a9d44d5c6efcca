"""The language model in float and in integers, on chapters it has never seen: python -m examples.word_lm.run"""

from __future__ import annotations

import sys
from pathlib import Path

import edgernn
from examples.common import pictures
from examples.common.integers import main
from examples.common.language import perplexity, surprise
from examples.common.task import Frames, Run, Task
from examples.word_lm import data
from examples.word_lm.model import WEIGHTS, WordModel
from examples.word_lm.suggest import after_each, share_suggested

CALIBRATION_CHAPTERS = 16
CALIBRATION_WORDS = 128
BOARDS = ("discovery-f407", "pico", "esp32-c3-devkit")
"""The Cortex-M4F with 1 MiB of flash."""

SHOWN_WORDS, TYPED_CHAPTERS = 24, 4


def calibration() -> list[Frames]:
    """The first words of chapters trained on, evenly spread over all."""
    known = data.load().known
    return [chapter[:CALIBRATION_WORDS] for chapter in known[:: len(known) // CALIBRATION_CHAPTERS]]


def held_out() -> list[Frames]:
    """The held-out chapters."""
    return list(data.load().held_out)


def show(run: Run) -> list[Path]:
    """What a keyboard with this model offers while a held-out chapter is typed, and how often that is the next word."""
    corpus = data.load()
    with edgernn.load(run.artifacts["int16x8"]) as session:
        offered = after_each(session, corpus.held_out[0][:SHOWN_WORDS])
        share = share_suggested(session, list(corpus.held_out[:TYPED_CHAPTERS]))
    written = [data.TOKENIZER.vocabulary[word] for word in corpus.held_out[0][: SHOWN_WORDS + 1]]
    text = run.folder / "suggestions.txt"
    rows = [f"{word:>12}   {' | '.join(three)}" for word, three in zip(written, offered, strict=False)]
    head = f"{share:.1f} % of the words of {TYPED_CHAPTERS} held-out chapters stood among three suggestions"
    text.write_text("\n".join([head, "", *rows, ""]), encoding="utf-8")
    return [_draw(written, offered, share, run.folder / "suggestions.png"), text]


def _draw(written: list[str], offered: list[list[str]], share: float, path: Path) -> Path:
    """What was typed in black, below each word what was offered for it; green where it was right."""
    drawn = pictures.figure(13, 3)
    plot = drawn.subplots()
    plot.set_axis_off()
    plot.set_title(f"{share:.1f} % of the words stand among the three suggestions before they are typed", pad=16)
    half = SHOWN_WORDS // 2
    for k, word in enumerate(written[1:]):
        column, top = k % half, 1 - 0.55 * (k // half)
        plot.text(column / half, top, word, weight="bold", ha="center")
        for row, suggestion in enumerate(offered[k], 1):
            color = "C2" if suggestion == word else "0.6"
            plot.text(column / half, top - 0.11 * row, suggestion, ha="center", color=color)
    return pictures.write(drawn, path)


TASK = Task(
    name="word_lm",
    metric="perplexity of the next word",
    unit="",
    inputs="int:1,T",
    module=WordModel,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=perplexity,
    package=data.PACKAGE.install,
    target=101.0,
    lower_is_better=True,
    loss=1.0,
    boards=BOARDS,
    summary=surprise,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
