"""Where the figures of a profile come from: one module for each kind of way to a board.

Such a module has ``profile(job, progress) -> Profile``, which raises what tells a user what to do. To add a kind, write
the module and its line in ``MODULES``; ``way_to`` chooses among them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from edgernn.boards.manifest import Board
from edgernn.boards.profile.figures import Profile
from edgernn.boards.profile.job import Job, Way
from edgernn.errors import BoardError

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done, and the total, 0 where it is not known."""

MODULES: Mapping[str, str] = {
    "emulator": "edgernn.boards.profile.emulated",
    "serial": "edgernn.boards.profile.serial",
    "local": "edgernn.boards.profile.measured",
    "ssh": "edgernn.boards.profile.measured",
}
"""Kind of way -> the module that profiles over it."""


def way_to(board: Board, port: str = "", ssh: Way | None = None) -> Way:
    """How ``board`` is reached: over the serial ``port`` or ``ssh``, where given; otherwise emulated, or this machine.

    Raises BoardError where it cannot be reached so.
    """
    if port:
        return _checked(board, Way("serial", port), board.kind == "mcu")
    if ssh:
        return _checked(board, ssh, board.kind == "linux")
    return _checked(board, Way("local" if board.kind == "host" else "emulator"), True)


def _checked(board: Board, way: Way, suits: bool) -> Way:
    if not suits or way.kind not in MODULES:
        raise BoardError(
            f"{board.id}: is not profiled over {way.kind}; a {board.kind} board\n"
            f"  what to do: leave the option out, or choose another board (`edgernn boards`)"
        )
    return way


def profile(job: Job, progress: Progress) -> Profile:
    """What ``job.artifact`` costs on ``job.board``."""
    measure: Callable[[Job, Progress], Profile] = importlib.import_module(MODULES[job.way.kind]).profile
    return measure(job, progress)
