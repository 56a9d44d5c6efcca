"""The model of DNA in float and in integers, on stretches never seen: python -m examples.dna_lm.run"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from examples.common import pictures
from examples.common.integers import main
from examples.common.language import bits, surprise
from examples.common.task import Answer, Frames, Run, Task
from examples.dna_lm import data, markov
from examples.dna_lm.model import WEIGHTS, BaseModel

CALIBRATION_PARTS, CALIBRATION_BASES = 16, 400
MOST_BASES = 11
"""That the predictions without a network look back at."""
SMOOTHED = 200
FORWARD, BACKWARD = "C0", "C2"


def calibration() -> list[Frames]:
    """The first bases of parts trained on, evenly spread over all."""
    known = [part for part in data.load().known if len(part) >= CALIBRATION_BASES]
    chosen = np.linspace(0, len(known) - 1, CALIBRATION_PARTS).astype(int)
    return [known[k][:CALIBRATION_BASES] for k in chosen]


def held_out() -> list[Frames]:
    """The held-out stretches."""
    return list(data.load().held_out)


def show(run: Run) -> list[Path]:
    """How well each base of two stretches was foreseen, beside the genes there; what the last bases alone foresee."""
    corpus, found = data.load(), run.answers["int16x8"]
    predictable = sorted(range(len(found)), key=lambda k: float(np.sort(_smooth(found[k]))[:SMOOTHED].mean()))
    path = run.folder / "genes.png"
    drawn = pictures.figure(12, 5)
    plots = pictures.axes(drawn, 3, 1)
    for plot, k in zip(plots[:2], predictable, strict=False):
        _draw_stretch(plot, corpus.places[k], found[k])
    orders = markov.bits(corpus, MOST_BASES)
    plots[2].plot(range(len(orders)), orders, "o-", color="0.6", label="counts of the last bases")
    plots[2].axhline(bits(found), color="C1", label="LSTM, int16x8")
    plots[2].set_xlabel("bases that counts look back at")
    plots[2].set_ylabel("bits per base")
    plots[2].legend(frameon=False)
    return [pictures.write(drawn, path)]


def _smooth(found: Answer) -> Answer:
    """Bits, averaged over SMOOTHED bases."""
    smooth: Answer = np.convolve(found / np.log(2), np.full(SMOOTHED, 1 / SMOOTHED), mode="valid").astype(np.float32)
    return smooth


def _draw_stretch(plot: Any, start: int, found: Answer) -> None:
    """Bits per base along a stretch, with its genes as bars below."""
    smooth = _smooth(found)
    first = start + 1 + SMOOTHED // 2
    plot.plot((first + np.arange(len(smooth))) / 1000, smooth, color="C1", linewidth=1)
    low, stop = float(smooth.min()) - 0.1, start + len(found)
    for begin, end, strand in data.genes():
        if begin < stop and end > start:
            left, right = max(begin, start) / 1000, min(end, stop) / 1000
            color = FORWARD if strand == "+" else BACKWARD
            plot.barh(low, right - left, 0.06, left, color=color)
    plot.set_xlabel("thousands of bases of chromosome I; genes on either strand")
    plot.set_ylabel("bits per base")


TASK = Task(
    name="dna_lm",
    metric="entropy",
    unit="bits/base",
    inputs="int:1,T",
    module=BaseModel,
    weights=WEIGHTS,
    calibration=calibration,
    held_out=held_out,
    score=bits,
    package=data.PACKAGE.install,
    target=1.95,
    lower_is_better=True,
    loss=1.0,
    summary=surprise,
    show=show,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
