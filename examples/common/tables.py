"""The tables of docs/applications.md and of the examples' READMEs, in Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from examples.common.results import BoardCost, Result, Scores, in_unit

BEGIN, END = "<!-- {}, made by make examples -->", "<!-- end of {} -->"
SCORES = ("application", "metric", "held-out data", "target", "PyTorch", "float32", "int16x8", "int8")
BOARDS = ("application", "board", "flash KiB", "RAM KiB", "instructions a step", "ms a step", "real-time factor")
STREAMS = ("application", "scheme", "steps", "the same on", "SHA-256 of the outputs")


def scores(results: Sequence[Result]) -> str:
    """What models score, in PyTorch and as artifacts."""
    return _table(SCORES, [_score_row(result, measure) for result in results for measure in result.measures])


def boards(results: Sequence[Result]) -> str:
    """What a step of the int16x8 models costs."""
    return _table(BOARDS, [_board_row(result.name, cost) for result in results for cost in result.boards])


def streams(results: Sequence[Result]) -> str:
    """Where integers were compared."""
    return _table(STREAMS, [
        (result.name, check.scheme, f"{check.steps}", ", ".join(check.streams), f"`{check.sha256[:16]}…`")
        for result in results for check in result.checks
    ])  # fmt: skip


def section(result: Result) -> str:
    """The numbers of one example, for its README."""
    return f"{scores([result])}\n{boards([result])}\n{streams([result])}"


def _score_row(result: Result, measure: Scores) -> tuple[str, ...]:
    found = [
        in_unit(score, measure.unit) + ("*" if result.trained.get(scheme) != result.trained["float32"] else "")
        for scheme, score in measure.scores.items()
        if scheme != "pytorch"
    ]
    data = f"{result.frames:,} steps in {result.sequences:,} sequence{'s' * (result.sequences != 1)}"
    of_pytorch = in_unit(measure.scores["pytorch"], measure.unit)
    return result.name, measure.metric, data, measure.target, of_pytorch, *found


def _board_row(name: str, cost: BoardCost) -> tuple[str, ...]:
    board = f"{cost.board}{cost.part and f', {cost.part}'} ({cost.core}, {cost.clock_mhz:g} MHz)"
    if cost.refused:
        return name, board, f"does not fit: {cost.refused}", "", "", "", ""
    ms = "" if cost.ms is None else f"{cost.ms:.3g} ± {cost.error_percent} %"
    load = "" if cost.load is None else f"{cost.load:.2g}"
    flash, ram = f"{cost.flash_bytes / 1024:.1f}", f"{cost.ram_bytes / 1024:.2f}"
    return name, board, flash, ram, f"{cost.instructions:,.0f}", ms, load


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def replace_section(path: Path, text: str, name: str = "results") -> None:
    """Put ``text`` between the two marks of a section. Raises ValueError where they are missing."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path}: expected the lines {begin} and {end}")
    temporary = path.with_suffix(".tmp")
    temporary.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
    os.replace(temporary, path)
