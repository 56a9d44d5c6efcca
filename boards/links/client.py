"""Asking a board, whatever happens on the way: requests are numbered, repeated until answered, and executed once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgernn.boards.links.protocol import (
    DAMAGED,
    FRAME_BYTES,
    KINDS,
    NO_SESSION,
    OPEN,
    OTHER_VERSION,
    OUT_OF_ORDER,
    REPLY,
    VERSION,
    Decoder,
    Hello,
    Message,
    encode,
    parse_hello,
)
from edgernn.errors import LinkError

BITS_PER_BYTE = 10
FIRST_WAIT_S = 2.0
SHORTEST_WAIT_S = 0.1
LONGEST_WAIT_S = 4.0
SLOWER = 8.0
"""An answer may take this many times as long as the slowest one so far before the request is repeated."""

NOTICED, SHORTEST_PAUSE_S = 1.5, 0.01
"""Where a board says that a message arrived damaged, the request is repeated after so many times the slowest answer."""

PAUSE_S = 0.05
"""Between attempts to open a port that is gone."""


class Transport(Protocol):
    """Bytes to and from a board. ``ConnectionError`` means that the port is gone, for now or for ever."""

    where: str
    bytes_per_s: float

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or arrives within ``timeout_s``; b"" for nothing."""

    def reopen(self) -> None:
        """Connect again. Raises ConnectionError where that is not possible now."""

    def close(self) -> None:
        """Let go of the port."""


class BoardResetError(Exception):
    """The board does not know the session: it has been reset, or another host has opened one. Or the last request was
    given up, and it is unknown whether the board has executed it.
    """


@dataclass
class Troubles:
    """What happened on the way and did no harm: requests sent again, spoilt answers, ports opened again."""

    repeats: int = 0
    damaged: int = 0
    reconnects: int = 0


class Client:
    """One session with a board.

    patience_s  how long a request is repeated before the board is given up
    clock       for tests: seconds
    """

    def __init__(
        self, transport: Transport, *, patience_s: float = 20.0, clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.transport, self.patience_s = transport, patience_s
        self.troubles = Troubles()
        self._clock, self._pause = clock, pause
        self._decoder = Decoder()
        self._session = self._sequence = 0
        self._pending = False
        self._slowest_s: float | None = None

    def open(self) -> Hello:
        """Begin a session: the model's states are the initial ones. Raises LinkError."""
        self._session, self._sequence, self._pending = secrets.randbelow(0xFFFF_FFFF) + 1, 0, False
        payload = self.request(OPEN).payload
        hello = parse_hello(payload)
        if hello is None:
            raise self._error(f"a board of edgernn answers, but not as expected: {len(payload)} bytes to the opening")
        return hello

    def request(self, kind: int, payload: bytes = b"") -> Message:
        """The answer to a request, of whatever status.

        Raises BoardResetError, and LinkError where no answer comes.
        """
        if self._pending:
            raise BoardResetError
        self._sequence, self._pending = self._sequence + 1, True
        message = Message(kind, VERSION, self._sequence, self._session, payload)
        wire, deadline = encode(message), self._clock() + self.patience_s
        transfer_s = 2 * (len(wire) + FRAME_BYTES) / self.transport.bytes_per_s
        wait_s, silent = self._first_wait_s(), True
        while True:
            begin, before = self._clock(), self._decoder.damaged
            answer = self._attempt(wire, message, wait_s + transfer_s, deadline)
            self.troubles.damaged += self._decoder.damaged - before
            if isinstance(answer, Message):
                self._learn(self._clock() - begin - transfer_s)
                self._pending = False
                return self._checked(answer)
            silent = silent and answer == "silence"
            if self._clock() >= deadline:
                raise self._gives_up(kind, silent)
            self.troubles.repeats += 1
            if answer == "silence":
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _first_wait_s(self) -> float:
        if self._slowest_s is None:
            return FIRST_WAIT_S
        return min(max(SLOWER * self._slowest_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)

    def _learn(self, seconds: float) -> None:
        self._slowest_s = max(self._slowest_s or 0.0, seconds)

    def _attempt(self, wire: bytes, message: Message, wait_s: float, deadline: float) -> Message | str:
        """Send once; the answer, or "notice" where the board asks to repeat, or "silence"."""
        try:
            self.transport.write(wire)
            return self._answer(message, min(self._clock() + wait_s, deadline))
        except ConnectionError as error:
            self._reconnect(error, deadline)
            return "reconnected"

    def _answer(self, message: Message, until: float) -> Message | str:
        """The answer, or what was there instead of it.

        A board that found something damaged may have meant what was sent before, and be at work on ``message``: it
        gets the time of an answer before it is asked again, since it cannot listen meanwhile.
        """
        found = "silence"
        while True:
            for answer in self._decoder.feed(self.transport.read(max(until - self._clock(), 0.0))):
                own = answer.session == message.session and answer.sequence == message.sequence
                if own and answer.kind == message.kind | REPLY:
                    return answer
                if answer.kind == REPLY and answer.code == DAMAGED and found == "silence":
                    found = "notice"
                    pause_s = NOTICED * (self._slowest_s or SHORTEST_WAIT_S) + SHORTEST_PAUSE_S
                    until = min(until, self._clock() + pause_s)
            if self._clock() >= until:
                return found

    def _reconnect(self, error: ConnectionError, deadline: float) -> None:
        """Open the port again, as long as there is patience. What was on its way is lost."""
        while True:
            if self._clock() >= deadline:
                raise self._error(
                    f"the port is gone: {error}",
                    "plug the board in again; the same command with --snapshot continues from the last saved state",
                )
            self._pause(PAUSE_S)
            try:
                self.transport.reopen()
            except ConnectionError as again:
                error = again
                continue
            self._decoder = Decoder(damaged=self._decoder.damaged)
            self.troubles.reconnects += 1
            return

    def _checked(self, answer: Message) -> Message:
        if answer.code == NO_SESSION:
            raise BoardResetError
        if answer.code == OTHER_VERSION:
            raise self._error("the board's program has another version of the protocol", "build and flash it again")
        if answer.code == OUT_OF_ORDER:
            raise self._error("the board has missed a request; another program may be using the same port")
        return answer

    def _gives_up(self, kind: int, silent: bool) -> LinkError:
        asked = f"the request {KINDS[kind]!r} has not been answered within {self.patience_s:g} s"
        if silent:
            remedy = "check power, cable and port, and that the program on the board is one of `edgernn build`"
        else:
            remedy = "the line is too noisy, or the baud rate is another than the board's"
        return self._error(asked, remedy)

    def _error(self, what: str, remedy: str = "") -> LinkError:
        return LinkError(f"{self.transport.where}: {what}" + (f"\n  what to do: {remedy}" if remedy else ""))

    def close(self) -> None:
        """Let go of the port."""
        self.transport.close()
