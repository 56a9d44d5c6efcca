"""Finding and running the compiler of a board: zig from PyPI, or the GCC that the board's description names."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgernn.boards.manifest import Board, Toolchain
from edgernn.errors import BoardError, MissingExtraError, OutputError, UsageError

COMPILERS = ("auto", "zig", "gcc")
LANGUAGE = (
    "-std=c99", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-ffp-contract=fast",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-g",
)  # fmt: skip
MESSAGE_CHARACTERS = 4000


@dataclass(frozen=True)
class Compiler:
    """A C compiler for one board. ``target`` are the arguments that choose the processor."""

    name: str
    command: tuple[str, ...]
    target: tuple[str, ...]
    runtime_library: tuple[str, ...]

    def run(self, arguments: Sequence[str], folder: Path) -> None:
        """Call it in ``folder``. Raises OutputError with its words where it fails."""
        command = [*self.command, *self.target, *arguments]
        try:
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        except OSError as error:
            raise OutputError(f"{command[0]}: cannot be run: {error.strerror or error}") from None
        if run.returncode:
            words = (run.stderr.strip() or run.stdout.strip() or "no message")[-MESSAGE_CHARACTERS:]
            raise OutputError(f"the C compiler failed with exit code {run.returncode}: {shlex.join(command)}\n{words}")


def find_compiler(board: Board, name: str = "auto") -> Compiler:
    """The compiler ``name`` for ``board``; "auto" is zig if it is installed, otherwise the board's GCC.

    Raises UsageError for another name, BoardError for a board without one, MissingExtraError where it is missing.
    """
    if name not in COMPILERS:
        raise UsageError(f"unknown compiler {name!r}; known are {', '.join(COMPILERS)}")
    if board.toolchain is None:
        raise BoardError(
            f"{board.id}: firmware is for other boards than the machine at hand\n"
            f"  what to do: export a shared library (--format so), which runs here"
        )
    zig, gcc = _zig(), shutil.which(board.toolchain.gcc)
    if zig is not None and name != "gcc":
        return _zig_compiler(zig, board.toolchain)
    if gcc is not None and name != "zig":
        return Compiler("gcc", (gcc,), board.toolchain.gcc_flags, ("-lgcc",))
    if name == "gcc":
        raise UsageError(f"{board.toolchain.gcc} is not installed; install it, or build with zig")
    raise MissingExtraError("ziglang", "boards", f"building firmware for {board.id}")


def _zig_compiler(command: tuple[str, ...], toolchain: Toolchain) -> Compiler:
    target = ("-target", toolchain.zig_target, f"-mcpu={toolchain.zig_cpu}", "-fno-sanitize=all")
    return Compiler("zig", command, target, ("-rtlib=compiler-rt", "-lcompiler_rt"))


def _zig() -> tuple[str, ...] | None:
    if importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    path = shutil.which("zig")
    return (path, "cc") if path else None
