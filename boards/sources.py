"""The C files of a model for a board: the one place that chooses how weights are packed for its core."""

from __future__ import annotations

from pathlib import Path

from edgernn.boards.manifest import Board
from edgernn.export.c import write
from edgernn.export.c.models import Exportable

PACKING = {"dsp": "dsp", "helium": "helium", "neon-dotprod": "dot"}
"""Extension of a core -> how int8 weights are packed for it; "none" for others, but for those of WORDS."""

WORDS = ("cortex-m0", "cortex-m0plus")
"""Cores without multiply-accumulate and loads of signed bytes: four rows go into one word."""


def write_sources(model: Exportable, board: Board, path: Path) -> None:
    """Write ``path`` (ending in .c) and what belongs to it, weights packed for the core of ``board``.

    Raises as ``edgernn.export.c.write``.
    """
    lanes = board.toolchain.lanes if board.toolchain is not None else 1
    write(model, path, lanes, simd=packing(board))


def packing(board: Board) -> str:
    """How int8 weights are packed for the core of ``board``."""
    return "words" if board.core.name in WORDS else PACKING.get(board.core.simd, "none")


def packing_key(board: Board) -> str:
    """Boards with the same key have the same C files."""
    lanes = board.toolchain.lanes if board.toolchain is not None else 1
    return f"lanes{lanes}-{packing(board)}"
