"""Opening the link to a board on a serial port, and running its model like that of any engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from edgernn.boards.links.base import Counters
from edgernn.boards.links.serial import SerialLink
from edgernn.boards.links.transport import SerialTransport
from edgernn.boards.manifest import Board
from edgernn.boards.serialport import BAUD
from edgernn.errors import BoardError
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines.base import Engine
from edgernn.runtime.snapshot import pack_snapshot, unpack_snapshot


def open_link(url: str, interface: Interface, board: Board | None = None) -> SerialLink:
    """The model of ``interface`` on the board behind a serial port or URL of pyserial.

    board  what has to be there; without it, whatever answers at 115,200 bits a second

    Raises BoardError for a board without a serial port, LinkError where another board or model answers, or none,
    MissingExtraError without pyserial.
    """
    if board is not None and board.serial is None:
        raise BoardError(
            f"{board.id}: its description names no serial port\n  what to do: describe it in [links.serial]"
        )
    baud = board.serial.baud if board is not None and board.serial is not None else BAUD
    return SerialLink(SerialTransport(url, baud), interface, board.id if board is not None else None)


class BoardEngine(Engine):
    """A model on a board as an engine of a session. ``counters`` has what each step cost."""

    name: ClassVar[str] = "board"
    checks_finite: ClassVar[bool] = True

    def __init__(self, link: SerialLink) -> None:
        super().__init__(link.interface)
        self.link = link
        self.counters: list[Counters] = []

    def run(self, *frames: Array) -> tuple[Array, ...]:
        outputs, counters = self.link.step(*frames)
        self.counters.append(counters)
        return outputs

    def get_states(self) -> list[Array]:
        return unpack_snapshot(self.interface, self.link.snapshot())

    def set_states(self, states: Sequence[Array]) -> None:
        self.link.restore(pack_snapshot(self.interface, states))

    def reset(self) -> None:
        self.link.reset()

    def close(self) -> None:
        """Let go of the port; the program on the board goes on waiting."""
        self.link.close()
