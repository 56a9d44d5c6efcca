"""The messages between a host and a board: docs/board-protocol.md, and ``firmware/link.c`` on the other side."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

VERSION = 1
HEADER = struct.Struct("<BBHIII")
CRC = struct.Struct("<I")
FRAME_BYTES = HEADER.size + CRC.size

OPEN, RESET, STEP, SNAPSHOT, RESTORE = 1, 2, 3, 4, 5
REPLY = 0x80
KINDS = {OPEN: "open", RESET: "reset", STEP: "step", SNAPSHOT: "snapshot", RESTORE: "restore"}

DONE, NOT_FINITE, OUT_OF_RANGE, SNAPSHOT_DAMAGED, SNAPSHOT_FOREIGN = range(5)
DAMAGED, NO_SESSION, OUT_OF_ORDER, BAD_LENGTH, UNKNOWN_KIND, OTHER_VERSION, STACK_OVERFLOW = range(16, 23)

COUNTERS = struct.Struct("<II")
"""Cycles and stack bytes, before the outputs of a step."""

UNKNOWN = 0xFFFF_FFFF
"""Cycles of a step that was too long for the counter."""

HELLO = struct.Struct("<11I16s32s")
COUNTER_NAMES = {0: "none", 1: "dwt", 2: "systick", 3: "mcycle", 4: "mpccr"}
COBS_RUN = 254


@dataclass(frozen=True)
class Message:
    """A request or an answer. ``code`` is the version of the protocol in a request, the status in an answer."""

    kind: int
    code: int
    sequence: int
    session: int
    payload: bytes = b""


@dataclass(frozen=True)
class Hello:
    """What a board says of itself when a session begins.

    counter         "dwt", "systick", "mcycle", "mpccr" or "none"
    clock_hz        clock of the core at which the program runs
    capacity_bytes  of the longest message that the board takes
    loops, loop_least, loop_most  cycles of a loop of that many rounds, least and most of several: what tells a counter
                    of cycles from one that stands still
    fingerprint     the first 16 bytes of the model's
    """

    version: int
    counter: str
    clock_hz: int
    capacity_bytes: int
    input_bytes: int
    output_bytes: int
    snapshot_bytes: int
    model_bytes: int
    loops: int
    loop_least: int
    loop_most: int
    fingerprint: bytes
    board: str

    @property
    def counts_cycles(self) -> bool:
        """Whether the counter can be one of cycles: a round of the loop took 1 to 16, and always nearly the same."""
        low, high = self.loops, 16 * self.loops
        steady = self.loop_most <= self.loop_least * 1.05 + 4
        return self.counter != "none" and low <= self.loop_least and self.loop_most <= high and steady


def parse_hello(payload: bytes) -> Hello | None:
    """The answer to the opening of a session; None for something else."""
    if len(payload) != HELLO.size:
        return None
    words = HELLO.unpack(payload)
    board = words[12].rstrip(b"\0").decode("ascii", errors="replace")
    counter = COUNTER_NAMES.get(words[1], "none")
    return Hello(words[0], counter, *words[2:12], board)  # type: ignore[call-arg]


def encode(message: Message) -> bytes:
    """The bytes on the line: COBS between two zero bytes."""
    head = HEADER.pack(message.kind, message.code, 0, len(message.payload), message.sequence, message.session)
    body = head + message.payload
    return b"\0" + _stuff(body + CRC.pack(zlib.crc32(body))) + b"\0"


def _stuff(data: bytes) -> bytes:
    """Consistent overhead byte stuffing (Cheshire and Baker, 1999)."""
    out, position = bytearray(), 0
    while True:
        end = data.find(0, position, position + COBS_RUN)
        run = data[position : end if end >= 0 else position + COBS_RUN]
        out.append(len(run) + 1)
        out += run
        position += len(run)
        if position == len(data):
            return bytes(out)
        position += len(run) < COBS_RUN


def _unstuff(data: bytes) -> bytes | None:
    """What was stuffed; None if that cannot have given ``data``, in which there is no zero."""
    out, position = bytearray(), 0
    while position < len(data):
        code = data[position]
        run = data[position + 1 : position + code]
        if len(run) != code - 1:
            return None
        out += run
        position += code
        if code <= COBS_RUN and position < len(data):
            out.append(0)
    return bytes(out)


def _parse(data: bytes) -> Message | None:
    body = _unstuff(data)
    if body is None or len(body) < FRAME_BYTES or CRC.unpack(body[-4:])[0] != zlib.crc32(body[:-4]):
        return None
    kind, code, _, length, sequence, session = HEADER.unpack_from(body)
    payload = body[HEADER.size : -CRC.size]
    return Message(kind, code, sequence, session, payload) if len(payload) == length else None


@dataclass
class Decoder:
    """Takes bytes as they come and finds the messages in them. ``damaged`` counts what was none.

    limit_bytes  what is kept of a message without an end
    """

    limit_bytes: int = 1 << 24
    damaged: int = 0
    _pending: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Message]:
        """Messages that have ended with ``data``."""
        *ended, rest = data.split(b"\0")
        found = []
        for part in ended:
            whole, self._pending = bytes(self._pending) + part, bytearray()
            if not whole:
                continue
            message = _parse(whole)
            if message is None:
                self.damaged += 1
            else:
                found.append(message)
        self._pending += rest
        if len(self._pending) > self.limit_bytes:
            self._pending.clear()
            self.damaged += 1
        return found
