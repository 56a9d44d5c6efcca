"""The reader of dates in float and in integers, on dates it has never seen."""

from __future__ import annotations

from pathlib import Path

from examples.common.task import Frames, Run, Task
from examples.common.translation import draw_attention, share_exact
from examples.dates import data
from examples.dates.model import WEIGHTS, dates

CALIBRATION_TEXTS = 64
SHOWN = ("de", "ru", "vi", "hu", "el", "es")
"""Languages whose letters the fonts of pictures have."""


def calibration() -> list[Frames]:
    """Texts trained on, evenly spread over all."""
    return list(data.train(every=data.TRAINED // CALIBRATION_TEXTS).pairs.sources)


def held_out() -> list[Frames]:
    """The held-out texts."""
    return list(data.held_out().pairs.sources)


def show(run: Run) -> list[Path]:
    """Where the model looks while it writes, and what it has written for some texts."""
    held = data.held_out()
    chosen = [next(k for k, locale in enumerate(held.locales) if locale.partition("_")[0] == name) for name in SHOWN]
    texts = [held.texts[k] for k in chosen]
    picture = draw_attention(
        TASK.trained(), [held.pairs.sources[k] for k in chosen], texts, data.TARGETS.vocabulary,  # type: ignore[arg-type]
        run.folder / "attention.png",
    )  # fmt: skip
    found = [data.iso(symbols) for symbols in run.answers["int16x8"]]
    rows = zip(held.texts, held.pairs.targets, found, held.locales, strict=True)
    lines = [
        f"{said} {'' if said == data.iso(wanted) else 'WRONG':<5} {locale:<12} {text}"
        for text, wanted, said, locale in rows
    ]
    written = run.folder / "dates.txt"
    written.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return [picture, written]


TASK = Task(
    name="dates",
    metric="dates that are right",
    unit="%",
    inputs="int:1,T",
    module=dates,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=lambda found: share_exact(data.held_out().pairs.targets, found),
    package=data.PACKAGE.install,
    mode="seq2seq",
    max_frames=data.MAX_CHARACTERS,
    target=98.0,
    show=show,
)
