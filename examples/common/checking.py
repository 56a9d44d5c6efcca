"""Whether docs/applications.md says what the examples give."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from examples.common import tables
from examples.common.exporting import task_of
from examples.common.results import Result

FLOAT, COSTS = 2e-3, 0.02
"""By which share a score in floating point, and a cost on a board, may differ: machines round, compilers change."""

SLACK = 0.35
"""By how much a score in integers may differ: points or percent."""


def cells(document: Path, *first: str) -> list[str]:
    """The row of a table that begins with these cells; empty where there is none."""
    start = "| " + " | ".join(first)
    found = (line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith(start))
    return next(found, "").split(" | ")


def number(cell: str) -> float:
    """The first number of a cell; 0 where there is none."""
    found = re.search(r"\d[\d,.]*", cell)
    return float(found[0].replace(",", "")) if found else 0.0


def differences(document: Path, results: Sequence[Result]) -> list[str]:
    """What ``document`` says otherwise, a line for each cell."""
    found: list[str] = []
    for result in results:
        for row in _rows(result):
            written = cells(document, result.name, row[1])
            pairs = zip(row, written, strict=False)
            wrong = [f"{new}, written is {old}" for k, (new, old) in enumerate(pairs) if not _same(result, row, k, old)]
            if len(row) != len(written):
                wrong = ["no such row"]
            found.extend(f"{result.name}, {row[1]}: {text}" for text in wrong)
    return [*found, *_recorded(results)]


def _rows(result: Result) -> Iterator[list[str]]:
    for line in tables.section(result).splitlines():
        if line.startswith(f"| {result.name} |"):
            yield line.split(" | ")


def _same(result: Result, row: Sequence[str], column: int, old: str) -> bool:
    """Whether a cell says the same as the one that is written."""
    new = row[column]
    if len(row) == len(tables.STREAMS):
        return new == old or column == len(row) - 1
    if len(row) == len(tables.BOARDS):
        return new == old or (column >= 2 and _near(new, old, COSTS))
    if column in (4, 5):
        return _near(new, old, FLOAT)
    if column > 5:
        measure = next(each for each in task_of(result.name).measures if each.metric == row[1])
        return abs(measure.difference(number(new), number(old))) <= SLACK
    return new == old


def _near(new: str, old: str, share: float) -> bool:
    return bool(new) == bool(old) and math.isclose(number(new), number(old), rel_tol=share)


def _recorded(results: Sequence[Result]) -> Iterator[str]:
    """Scores that are not those which training wrote down."""
    for result in results:
        seeds = json.loads((task_of(result.name).folder / "metrics.json").read_text())["seeds"]
        score = result.measures[0].scores["pytorch"]
        if not math.isclose(score, seeds[0]["score"], rel_tol=FLOAT):
            yield f"{result.name}: {score}, metrics.json has {seeds[0]['score']}"
