"""The firmware's protocol code compiled for this machine, behind a line that can be made to fail."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgernn.boards import load_board
from edgernn.boards.links.base import Array
from edgernn.boards.links.client import Client
from edgernn.boards.ports import ports_header
from edgernn.boards.sources import write_sources
from edgernn.ir.codec import fingerprint
from edgernn.ir.interface import Interface
from tests.boards.test_model import stream

FIRMWARE = Path(__file__).parents[3] / "boards" / "firmware"
BOARD = "mps2-an385"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]


class NativeBoard:
    """A "board" in this process, with one model. ``reset`` is what pressing its button does."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.board_steps.restype = ctypes.c_ulong
        library.board_take.restype = ctypes.c_size_t
        self._answer = ctypes.create_string_buffer(1 << 16)
        self.reset()

    def reset(self) -> None:
        self._library.board_reset()

    def take(self, data: bytes) -> bytes:
        n = self._library.board_take(data, ctypes.c_size_t(len(data)), self._answer, ctypes.c_size_t(1 << 16))
        return self._answer.raw[:n]

    @property
    def executed(self) -> int:
        """Requests executed so far."""
        return int(self._library.board_steps())


def build_native(folder: Path, scheme: str = "int16x8") -> NativeBoard:
    """Compile link, target and the model of the board tests with the machine's compiler, warnings being errors."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler of this machine")
    write_sources(stream(scheme)[0], load_board(BOARD), folder / "small.c")
    (folder / "ports.h").write_text(ports_header((folder / "small.h").read_text(), "small.h", "small.h"))
    defines = ['-DEDGERNN_PORTS="ports.h"', f'-DEDGERNN_BOARD="{BOARD}"', "-DEDGERNN_CORE_CLOCK_HZ=25000000u"]
    own = [FIRMWARE / "link.c", FIRMWARE / "target.c", Path(__file__).with_name("native_board.c")]
    sources = [*own, *sorted(folder.glob("*.c"))]
    output = folder / "board.so"
    subprocess.run(
        [compiler, *WARNINGS, "-O1", "-fPIC", "-shared", *defines, f"-I{FIRMWARE}", f"-I{folder}", *map(str, sources),
         "-o", str(output)], check=True, capture_output=True,
    )  # fmt: skip
    return NativeBoard(ctypes.CDLL(str(output)))


@dataclass
class Clock:
    """Time that passes only while somebody waits."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


Fault = Callable[[bytes], bytes]


@dataclass
class Line:
    """A transport to a native board. ``to_board`` and ``to_host`` spoil what goes by; ``events`` precede a write."""

    board: NativeBoard
    clock: Clock = field(default_factory=Clock)
    to_board: Fault = bytes
    to_host: Fault = bytes
    events: list[Callable[[Line], None]] = field(default_factory=list)
    where: str = "test line"
    bytes_per_s: float = 1e9
    unplugged_until: float = 0.0
    closed: bool = False
    _arrived: bytes = b""

    def write(self, data: bytes) -> None:
        self._check()
        if self.events:
            self.events.pop(0)(self)
            self._check()
        self._arrived += self.to_host(self.board.take(self.to_board(data)))

    def read(self, timeout_s: float) -> bytes:
        self._check()
        data, self._arrived = self._arrived, b""
        if not data:
            self.clock.pause(max(timeout_s, 1e-3))
        return data

    def _check(self) -> None:
        if self.clock() < self.unplugged_until:
            self._arrived = b""
            raise ConnectionError("unplugged")

    def reopen(self) -> None:
        self._check()

    def close(self) -> None:
        self.closed = True


def client(line: Line, patience_s: float = 60.0) -> Client:
    """A session over ``line``, with its clock."""
    return Client(line, patience_s=patience_s, clock=line.clock, pause=line.clock.pause)


def interface(scheme: str = "int16x8") -> Interface:
    """That of the model of the board tests."""
    graph = stream(scheme)[0]
    return Interface.of(graph, fingerprint(graph))


def frames(count: int, scheme: str = "int16x8") -> tuple[Array, Array]:
    """Frames and the outputs of the reference."""
    _, inputs, outputs = stream(scheme)
    return inputs[:count], outputs[:count]
