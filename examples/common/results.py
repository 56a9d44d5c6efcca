"""What ``make example`` finds: plain data, kept as JSON beside the artifacts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NAME = "results.json"


@dataclass(frozen=True)
class BoardCost:
    """A step of the int16x8 model on an emulated board.

    part           "encode" or "step" where the model has two parts: what a source costs, and a symbol
    instructions   the median of the steps, counted
    ms             estimated, of the median step; None where nothing models the core
    error_percent  how far a board without wait states may be from it
    load           share of the time between two steps that one takes; None where nothing says how often steps come
    refused        why the board cannot run the model; empty where it can
    """

    board: str
    core: str
    clock_mhz: float
    flash_bytes: int = 0
    ram_bytes: int = 0
    instructions: float = 0.0
    ms: float | None = None
    error_percent: int = 0
    load: float | None = None
    nodes: dict[str, float] = field(default_factory=dict)
    refused: str = ""
    part: str = ""


@dataclass(frozen=True)
class StreamCheck:
    """The outputs of one integer model, the same on all ``streams``: engines of this machine and emulated boards."""

    scheme: str
    steps: int
    streams: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Scores:
    """One measure of an application.

    target  what the score of PyTorch has to reach, for people; empty where there is no such bound
    scores  "pytorch" or scheme -> score in ``unit``
    """

    metric: str
    unit: str
    target: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Result:
    """One application.

    sequences, frames  held-out data that the scores are of
    measures           the main one first
    trained            scheme -> file of the weights
    engines            scheme -> what the score was measured on
    artifacts          scheme -> suffix -> bytes; each was proved against PyTorch
    files              what the application shows, in the folder of the results
    seconds            stage -> time taken
    """

    name: str
    measures: tuple[Scores, ...]
    sequences: int
    frames: int
    rate_hz: float | None
    trained: dict[str, str]
    engines: dict[str, str]
    artifacts: dict[str, dict[str, int]]
    state_bytes: dict[str, int]
    boards: tuple[BoardCost, ...]
    checks: tuple[StreamCheck, ...]
    files: tuple[str, ...]
    seconds: dict[str, float]

    def write(self, folder: Path) -> Path:
        """Write the JSON; its path."""
        path = folder / NAME
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        return temporary.replace(path)


def read(folder: Path) -> Result:
    """What was written into ``folder``."""
    plain: dict[str, Any] = json.loads((folder / NAME).read_text())
    plain["measures"] = tuple(Scores(**row) for row in plain["measures"])
    plain["boards"] = tuple(BoardCost(**row) for row in plain["boards"])
    plain["checks"] = tuple(StreamCheck(**{**row, "streams": tuple(row["streams"])}) for row in plain["checks"])
    return Result(**{**plain, "files": tuple(plain["files"])})


def in_unit(score: float, unit: str) -> str:
    """A score as people read it."""
    return f"{score:.2f} %" if unit == "%" else f"{score:.4g} {unit}".rstrip()
