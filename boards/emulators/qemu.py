"""QEMU as a board with a program: finding it, starting it, ending it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, EmulationError

COMMANDS = {"cortex-m": "qemu-system-arm", "riscv32": "qemu-system-riscv32"}
"""Family -> the command, in Debian of the packages qemu-system-arm and qemu-system-misc."""

END_S = 5.0
MESSAGE_CHARACTERS = 2000


def find_qemu(board: Board) -> str:
    """Path of the QEMU that has a machine like ``board``.

    Raises BoardError for a board that QEMU does not have, and where QEMU is not installed.
    """
    command = COMMANDS.get(board.core.family, "")
    if not board.emulation.qemu_machine or not command:
        raise BoardError(
            f"{board.id}: QEMU has no machine like it\n"
            f"  what to do: choose a board whose board.toml names one in [emulator] qemu_machine"
        )
    path = shutil.which(command)
    if path is None:
        raise BoardError(
            f"{board.id}: {command} is not installed, which emulates this board\n"
            f"  what to do: install it with the system's package manager (Debian, Ubuntu: apt install qemu-system-arm)"
        )
    return path


class QemuProcess:
    """QEMU running ``program`` on ``board``, without a display. A context manager; ``close`` ends it.

    serial       character device of the board's first serial port, such as
                 ``tcp:127.0.0.1:5555,server=on,wait=on,nodelay=on``; without nodelay every answer takes 50 ms
    semihosting  whether the program may print and exit through the debugger's calls
    arguments    more of QEMU's command line

    Raises as ``find_qemu``, EmulationError where QEMU cannot be started.
    """

    def __init__(
        self,
        board: Board,
        program: Path,
        *,
        serial: str = "none",
        semihosting: bool = True,
        arguments: Sequence[str] = (),
    ) -> None:
        self.board = board
        cpu = ["-cpu", board.emulation.qemu_cpu] if board.emulation.qemu_cpu else []
        calls = ["-semihosting-config", "enable=on,target=native"] if semihosting else []
        self.command = [
            find_qemu(board), "-machine", board.emulation.qemu_machine, *cpu, "-kernel", str(program.resolve()),
            "-display", "none", "-monitor", "none", "-serial", serial, *calls, *arguments,
        ]  # fmt: skip
        with tempfile.TemporaryFile() as words:
            self._words = os.dup(words.fileno())
        try:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words, start_new_session=True
            )
        except OSError as error:
            os.close(self._words)
            raise EmulationError(f"{self.command[0]}: cannot be run: {error.strerror or error}") from None
        self._finalizer = weakref.finalize(self, _end, self._process, self._words)

    def __enter__(self) -> QemuProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def words(self) -> str:
        """What QEMU and, by semihosting, the program have printed; nothing after ``close``."""
        if not self._finalizer.alive:
            return ""
        size = os.fstat(self._words).st_size
        return os.pread(self._words, size, 0).decode(errors="replace")

    def wait(self, timeout_s: float) -> int:
        """Wait for the end of the program; returns its exit code. Raises EmulationError where it goes on."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise EmulationError(f"{self.board.id}: the program has not ended within {timeout_s:g} s") from None

    def ended_within(self, timeout_s: float) -> bool:
        """Whether it ends within this time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return not self.running

    def wait_until_there(self, path: Path, timeout_s: float) -> None:
        """Wait for a socket that QEMU makes. Raises EmulationError with QEMU's words where it ends instead."""
        deadline = time.monotonic() + timeout_s
        while not path.exists():
            if not self.running or time.monotonic() > deadline:
                raise self.error("did not start")
            time.sleep(0.005)

    def error(self, what: str) -> EmulationError:
        """An exception that tells what QEMU printed."""
        words = self.words().strip()[-MESSAGE_CHARACTERS:] or "no message"
        return EmulationError(f"{self.board.id}: {self.command[0]} {what}: {words}")

    def close(self) -> None:
        """End it, if it has not ended."""
        self._finalizer()


def _end(process: subprocess.Popen[bytes], words: int) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    os.close(words)
