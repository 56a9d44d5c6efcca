"""Putting programs on boards, by the tools that know how: pyOCD, esptool, or the drive that a board shows.

Nothing here reports success that a tool has not reported, and nothing is done in a dry run.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, LinkError, MissingExtraError, OutputError, UsageError

METHODS = ("uf2", "pyocd", "esptool")
INFO_FILE = "INFO_UF2.TXT"
FORM = {"uf2": "uf2", "pyocd": "elf", "esptool": "bin"}
"""Method -> what it takes."""

ESP_OFFSET = 0x1_0000
"""Where the partition table that comes with the boards has the program."""


@dataclass(frozen=True)
class Plan:
    """What would put a program on a board: a command to run, or for UF2 a drive to copy to.

    ``note`` says what is missing to carry it out, "" for nothing.
    """

    method: str
    file: Path
    command: tuple[str, ...] = ()
    drive: Path | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The command as one would type it."""
        target = str(self.drive) if self.drive else f"<drive with {INFO_FILE}>"
        return shlex.join(self.command) if self.command else f"cp {shlex.quote(str(self.file))} {target}"


def methods_of(board: Board) -> tuple[str, ...]:
    """The methods that ``board`` has, the simplest first."""
    flashing = board.flashing
    targets = {"uf2": flashing.uf2_board, "pyocd": flashing.pyocd, "esptool": flashing.esptool}
    return tuple(name for name in METHODS if targets[name])


def choose_method(board: Board, via: str | None) -> str:
    """``via``, or the simplest method of ``board``. Raises BoardError where it has none, or not this one."""
    found = methods_of(board)
    if not found:
        raise BoardError(
            f"{board.id}: nothing here can flash it\n"
            f"  what to do: build the program (edgernn build) and use the board's own tool"
        )
    if via is not None and via not in found:
        raise BoardError(f"{board.id}: cannot be flashed via {via}; it can via {', '.join(found)}")
    return via or found[0]


def plan(board: Board, method: str, file: Path, *, port: str | None = None, drive: Path | None = None) -> Plan:
    """How ``method`` would put ``file`` on ``board``.

    port   of esptool; it looks for one by itself otherwise
    drive  of UF2; the mounted drives are searched otherwise
    """
    if method == "uf2":
        found = drive or find_drive(board.flashing.uf2_board)
        note = "" if found else f"no drive with {INFO_FILE} of {board.flashing.uf2_board} is mounted"
        return Plan(method, file, drive=found, note=note)
    if method == "pyocd":
        arguments = ["load", "--target", board.flashing.pyocd, str(file)]
    else:
        where = ["--port", port] if port else []
        arguments = ["--chip", board.flashing.esptool, *where, "write-flash", hex(ESP_OFFSET), str(file)]
    tool = _tool(method)
    note = "" if tool else f"{method} is not installed"
    return Plan(method, file, (*(tool or (method,)), *arguments), note=note)


def _tool(name: str) -> tuple[str, ...] | None:
    """The command of a tool: beside this Python, then on the path."""
    if importlib.util.find_spec(name):
        return sys.executable, "-m", name
    path = shutil.which(name)
    return (path,) if path else None


def carry_out(wanted: Plan, board: Board) -> str:
    """Do it, and say what was done.

    Raises MissingExtraError for a missing tool, LinkError where the tool fails or there is no such board,
    OutputError where copying fails.
    """
    if wanted.method == "uf2":
        return _copy(wanted, board)
    if wanted.note:
        raise MissingExtraError(wanted.method, "flash", f"flashing {board.id}")
    try:
        code = subprocess.run(wanted.command, check=False, stdout=2).returncode
    except OSError as error:
        raise LinkError(f"{wanted.command[0]}: cannot be run: {error.strerror or error}") from None
    if code:
        raise LinkError(
            f"{board.id}: {wanted.method} failed with exit code {code}; the board may hold no program now\n"
            f"  the command was: {wanted.text}"
        )
    return f"{wanted.method} reports that the program is on {board.id}"


def _copy(wanted: Plan, board: Board) -> str:
    if wanted.drive is None:
        raise LinkError(
            f"{board.id}: {wanted.note}\n"
            f"  what to do: hold BOOTSEL while connecting the board, mount its drive, or name it with --drive"
        )
    named = board_of(wanted.drive)
    if not (named or "").startswith(board.flashing.uf2_board):
        found = f"Board-ID {named!r}" if named else f"no {INFO_FILE}"
        raise UsageError(f"{wanted.drive}: expected the drive of {board.flashing.uf2_board}, found {found}")
    target = wanted.drive / wanted.file.name
    try:
        data = wanted.file.read_bytes()
        with target.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from None
    return f"copied {len(data):,} bytes to {wanted.drive}, from where {board.id} takes them and restarts"


def find_drive(board_id: str) -> Path | None:
    """The mounted drive whose INFO_UF2.TXT names ``board_id``."""
    for place in mounted():
        if (board_of(place) or "").startswith(board_id):
            return place
    return None


def board_of(drive: Path) -> str | None:
    """The Board-ID that a drive names, or None where it is not one of a UF2 loader."""
    try:
        lines = (drive / INFO_FILE).read_text(errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Board-ID:")), None)


def mounted() -> Iterable[Path]:
    """Where drives are mounted: Linux, macOS, Windows."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        lines = []
    yield from (Path(line.split()[1].replace("\\040", " ")) for line in lines if line.startswith("/dev/"))
    volumes = Path("/Volumes")
    yield from sorted(volumes.iterdir()) if volumes.is_dir() else ()
    yield from (Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ" if os.name == "nt")
