"""A board of QEMU behind a TCP port, as a board behind a cable: it can be reset, and its cable cut."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgernn.boards import load_board
from edgernn.boards.emulators import QemuProcess
from edgernn.boards.emulators.qemu_machine import MACHINE_ARGUMENTS
from edgernn.boards.links.transport import SerialTransport

START_S, ANSWER_S = 20.0, 0.1


class QemuBoard:
    """``program`` on a board; ``url`` is its serial port for pyserial."""

    def __init__(self, name: str | Path, program: Path, folder: Path) -> None:
        self.url = f"socket://127.0.0.1:{_free_port()}"
        address = self.url.removeprefix("socket://")
        control = folder / "control"
        board = load_board(name)
        self.process = QemuProcess(
            board, program, serial=f"tcp:{address},server=on,wait=off,nodelay=on",
            arguments=[*MACHINE_ARGUMENTS.get(board.core.family, ()), "-qmp", f"unix:{control},server=on,wait=off"],
        )  # fmt: skip
        self.process.wait_until_there(control, START_S)
        self._control = self._connect(str(control))
        self._lines = self._control.makefile("rb")
        self._lines.readline()
        self._command("qmp_capabilities")

    def _connect(self, path: str) -> socket.socket:
        """The socket is there a moment before QEMU listens to it."""
        deadline = time.monotonic() + START_S
        while True:
            control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                control.connect(path)
            except OSError:
                control.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return control

    def _command(self, name: str) -> None:
        self._control.sendall(json.dumps({"execute": name}).encode() + b"\n")
        while b'"return"' not in (line := self._lines.readline()):
            if not line:
                raise ConnectionError("QEMU has ended")

    def press_reset(self) -> None:
        """As the button does: the program starts again."""
        self._command("system_reset")

    def close(self) -> None:
        """Switch it off."""
        self._lines.close()
        self._control.close()
        self.process.close()


@contextmanager
def qemu_board(name: str | Path, program: Path) -> Iterator[QemuBoard]:
    """The board, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        board = QemuBoard(name, program, Path(folder))
        try:
            yield board
        finally:
            board.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FaultyTransport(SerialTransport):
    """A port that spoils single bytes, by their number among all that have been written or read.

    drop, change  numbers of bytes
    cut           numbers of writes before which the cable is pulled, and plugged in again
    cut_answers   numbers of writes after which it is pulled, so that nobody hears the answer
    """

    def __init__(self, url: str, baud: int) -> None:
        self.drop_written: set[int] = set()
        self.change_written: set[int] = set()
        self.drop_read: set[int] = set()
        self.change_read: set[int] = set()
        self.cut: set[int] = set()
        self.cut_answers: set[int] = set()
        self.writes = self._written = self._read = 0
        super().__init__(url, baud)

    def write(self, data: bytes) -> None:
        self.writes += 1
        if self.writes in self.cut:
            self.close()
        spoilt = _spoil(data, self._written, self.drop_written, self.change_written)
        self._written += len(data)
        super().write(spoilt)
        if self.writes in self.cut_answers:
            time.sleep(ANSWER_S)
            self.close()

    def read(self, timeout_s: float) -> bytes:
        data = super().read(timeout_s)
        spoilt = _spoil(data, self._read, self.drop_read, self.change_read)
        self._read += len(data)
        return spoilt

    @property
    def next_written(self) -> int:
        """Number of the byte that is written next."""
        return self._written

    @property
    def next_read(self) -> int:
        """Number of the byte that is read next."""
        return self._read


def _spoil(data: bytes, start: int, drop: set[int], change: set[int]) -> bytes:
    numbered = enumerate(data, start)
    return bytes(byte ^ 0x10 if k in change else byte for k, byte in numbered if k not in drop)
