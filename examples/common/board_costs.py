"""What a step costs on emulated boards, and whether they and the engines of this machine compute the same integers."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgernn.boards.catalog import load_board
from edgernn.boards.manifest import Board
from edgernn.boards.profile import Frames as BoardFrames
from edgernn.boards.profile import Job, Profile, profile, way_to
from edgernn.boards.verify.streams import TOO_SMALL
from edgernn.cli.common.parts import Part, parts_of
from edgernn.cli.verify_boards import check
from edgernn.errors import BoardError, OutputError, ValidationError
from examples.common.results import BoardCost, StreamCheck
from examples.common.task import Frames, Task

PROFILED_STEPS = 8
CHECKED_STEPS = 64
PROFILED_SEGMENTS, CHECKED_SEGMENTS = 1, 2
"""Steps of models that take whole segments: each has the most frames."""


def write_frames(task: Task, folder: Path) -> Path:
    """The first held-out frames as a file that ``edgernn run`` reads, as many as are checked."""
    wanted = CHECKED_STEPS if task.max_frames is None else CHECKED_SEGMENTS * task.max_frames
    rows: list[Frames] = []
    count = 0
    for frames in task.held_out():
        rows.append(frames[: wanted - count])
        count += len(rows[-1])
        if count == wanted:
            break
    path = folder / "frames.npy"
    np.save(path, np.concatenate(rows))
    return path


def costs(task: Task, artifact: Path, frames: Path) -> tuple[BoardCost, ...]:
    """Of a step of ``artifact`` on each board of the task; of a source and of a symbol, where it has two parts."""
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        return tuple(
            replace(
                cost(task, part.path, _given(part, frames), load_board(board), work / part.path.stem),
                part=_name(part, artifact),
            )
            for board in task.boards
            for part in parts_of(artifact, work)
        )


def _name(part: Part, artifact: Path) -> str:
    return "" if part.path == artifact else part.path.stem.rpartition("_")[2]


def _given(part: Part, frames: Path) -> Path | None:
    return frames if part.reads_source else None


def cost(task: Task, artifact: Path, frames: Path | None, board: Board, work: Path) -> BoardCost:
    """Of a step on one board, with random frames where there are none. What does not fit says so."""
    head = (board.id, board.core.name, board.core.clock_hz / 1e6)
    period_us = 1e6 / task.rate_hz if task.rate_hz else None
    specs = () if frames is None else (str(frames),)
    source = BoardFrames(specs, PROFILED_STEPS if task.max_frames is None else PROFILED_SEGMENTS)
    try:
        found = profile(Job(artifact, board, way_to(board), source, work, period_us=period_us), lambda *_: None)
    except (BoardError, OutputError) as error:
        reason = next((line for line in str(error).splitlines() if any(words in line for words in TOO_SMALL)), None)
        if reason is None:
            raise
        return BoardCost(*head, refused=reason.rpartition("error: ")[2].strip())
    return _figures(BoardCost(*head), found)


def _figures(cost: BoardCost, found: Profile) -> BoardCost:
    time_us, load = found.time_us, found.load
    return replace(
        cost,
        flash_bytes=found.flash.total if found.flash else 0,
        ram_bytes=found.ram.total if found.ram else 0,
        instructions=found.instructions.median if found.instructions else 0.0,
        ms=time_us.median / 1000 if time_us else None,
        error_percent=time_us.error_percent if time_us else 0,
        load=load.median if load else None,
        nodes={node.name: node.instructions for node in found.nodes},
    )


def same_streams(
    task: Task, scheme: str, artifact: Path, frames: Path, boards: tuple[str, ...]
) -> tuple[StreamCheck, ...]:
    """The same frames through every engine of this machine and every board; of two parts one after the other.

    Raises:
        ValidationError: outputs differ.
    """
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return tuple(
            _same(task, ", ".join(filter(None, (scheme, _name(part, artifact)))), part, frames, boards)
            for part in parts_of(artifact, Path(folder))
        )


def _same(task: Task, scheme: str, part: Part, frames: Path, boards: tuple[str, ...]) -> StreamCheck:
    steps = CHECKED_STEPS if task.max_frames is None else CHECKED_SEGMENTS
    given = (str(frames),) if part.reads_source else ()
    report = check(part.path, boards, given, steps, "auto", lambda *_: None)
    if not report.agrees or not report.exact:
        wrong = "; ".join(f"{v.name}: {v.text}" for v in report.verdicts if not v.agrees)
        raise ValidationError(f"{task.name} {scheme}: streams are not the same integers: {wrong or 'floats'}")
    return StreamCheck(scheme, report.steps, tuple(v.name for v in report.verdicts), report.sha256)
