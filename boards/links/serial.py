"""The link to a board on a serial port, real or emulated: the protocol of docs/board-protocol.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgernn.boards.links.base import Array, Counters, Progress, Streamed, count_frames, no_progress
from edgernn.boards.links.client import BoardResetError, Client, Transport
from edgernn.boards.links.protocol import (
    BAD_LENGTH,
    COUNTERS,
    DONE,
    NOT_FINITE,
    OUT_OF_RANGE,
    RESET,
    RESTORE,
    SNAPSHOT,
    SNAPSHOT_DAMAGED,
    SNAPSHOT_FOREIGN,
    STACK_OVERFLOW,
    STEP,
    UNKNOWN,
    VERSION,
    Hello,
)
from edgernn.boards.ports import ALIGNMENT
from edgernn.errors import FrameError, LinkError, SnapshotError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface

SNAPSHOT_EVERY = 100
"""Steps between two snapshots that the host keeps for a board that is reset."""

RESTARTS = 3
"""Resets of the board during one step after which it is given up."""

FRAME_WORDS = {NOT_FINITE: "an input holds NaN or infinity", OUT_OF_RANGE: "an index is out of range"}
FAULTS = {
    SNAPSHOT_DAMAGED: "the snapshot is damaged", SNAPSHOT_FOREIGN: "the snapshot belongs to another model",
    BAD_LENGTH: "the payload has another length than the board's model needs",
    STACK_OVERFLOW: "the step used more stack than the program keeps for it; build it with a larger stack",
}  # fmt: skip


@dataclass
class _Since:
    """What the board has been asked since the last snapshot, to ask it again after a reset."""

    snapshot: bytes | None = None
    steps: list[tuple[bytes, tuple[Array, ...]]] = field(default_factory=list)


class SerialLink:
    """``edgernn.boards.links.Link`` to a board that runs a program of ``edgernn build``.

    A board that is reset while frames are streamed gets the last snapshot back, and the frames since then once more;
    ``recoveries`` counts it. With ``recover`` off it is an error instead.

    board     its id; None for whatever answers
    emulated  an emulator is behind the port: its counters are not time, and cycles stay unknown

    Raises LinkError, and closes the port, where no board answers, or one with another model or another protocol.
    """

    kind = "serial"

    def __init__(
        self, transport: Transport, interface: Interface, board: str | None, *, emulated: bool = False,
        recover: bool = True, client: Client | None = None,
    ) -> None:  # fmt: skip
        self._client = client or Client(transport)
        self._interface, self.board, self._emulated = interface, board or "", emulated
        self.where, self.recover, self.recoveries = transport.where, recover, 0
        self._since = _Since()
        try:
            self.hello = self._open()
        except BaseException:
            self.close()
            raise

    @property
    def interface(self) -> Interface:
        """Ports and states."""
        return self._interface

    @property
    def client(self) -> Client:
        """The session; its ``troubles`` tell what went wrong and was mended."""
        return self._client

    @property
    def measures_cycles(self) -> bool:
        """Whether cycles are those of a real core's own counter."""
        return self.hello.counts_cycles and not self._emulated

    def reset(self) -> None:
        """Set the states to their initial values."""
        self._request(RESET)
        self._since = _Since()

    def snapshot(self) -> bytes:
        """The states as bytes that any engine of the model restores."""
        return self._request(SNAPSHOT)

    def restore(self, blob: bytes) -> None:
        """Continue from a snapshot. Raises SnapshotError for one of another model, or a damaged one."""
        self._request(RESTORE, bytes(blob))
        self._since = _Since(bytes(blob))

    def step(self, *frames: Array) -> tuple[tuple[Array, ...], Counters]:
        """Process one frame: arrays in the order, shapes and dtypes of the ports. Raises FrameError, LinkError."""
        payload = pack_ports(self._interface.inputs, frames)
        answer = self._request(STEP, payload)
        if len(answer) != COUNTERS.size + self.hello.output_bytes:
            raise self._error(f"{len(answer)} bytes answer a step")
        outputs = unpack_ports(self._interface.outputs, answer[COUNTERS.size :])
        self._since.steps.append((payload, outputs))
        if self.recover and len(self._since.steps) >= SNAPSHOT_EVERY:
            self._since = _Since(self._request(SNAPSHOT))
        return outputs, self._counters(answer)

    def stream(self, frames: Mapping[str, Array], progress: Progress = no_progress) -> Streamed:
        """As ``Link.stream``: one request for each frame."""
        total = count_frames(self._interface, frames)
        arrays = [(frames[port.name], port.kind == "static") for port in self._interface.inputs]
        steps = []
        for k in range(total):
            try:
                steps.append(self.step(*(array if static else array[k] for array, static in arrays)))
            except FrameError as error:
                raise FrameError(f"frame {k}: {error}") from None
            progress(f"streaming to {self.board}", k + 1, total)
        outputs = {
            port.name: np.stack([step[0][i] for step in steps]) if steps else np.zeros((0, *port.shape), port.dtype)
            for i, port in enumerate(self._interface.outputs)
        }
        return Streamed(outputs, tuple(step[1] for step in steps))

    def close(self) -> None:
        """Let go of the port; the program on the board goes on waiting."""
        self._client.close()

    def _counters(self, answer: bytes) -> Counters:
        cycles, stack_bytes = COUNTERS.unpack_from(answer)
        if not self.measures_cycles or cycles == UNKNOWN:
            return Counters(stack_bytes=stack_bytes)
        return Counters(cycles=cycles, stack_bytes=stack_bytes, time_us=cycles / self.hello.clock_hz * 1e6)

    def _open(self) -> Hello:
        for _ in range(RESTARTS):
            try:
                hello = self._client.open()
            except BoardResetError:
                continue
            self._check(hello)
            return hello
        raise self._error("the board does not keep a session: another program may be using the same port")

    def _check(self, hello: Hello) -> None:
        """Whether this is the board and the model that was asked for. Raises LinkError."""
        if hello.version != VERSION:
            raise self._error(f"its protocol is version {hello.version}, this is {VERSION}", flash=True)
        self.board = self.board or hello.board
        if hello.board != self.board:
            raise self._error(f"the board says that it is {hello.board}, expected {self.board}", flash=True)
        if hello.fingerprint != bytes.fromhex(self._interface.fingerprint)[: len(hello.fingerprint)]:
            found, expected = hello.fingerprint.hex()[:12], self._interface.fingerprint[:12]
            raise self._error(
                f"the board has another model: fingerprint {found}, {self._interface.name} has {expected}", flash=True
            )
        sizes = (payload_bytes(self._interface.inputs), payload_bytes(self._interface.outputs))
        if (hello.input_bytes, hello.output_bytes) != sizes:
            found = f"frames of {hello.input_bytes} and {hello.output_bytes} bytes"
            raise self._error(f"{found}, expected {sizes}", flash=True)

    def _request(self, kind: int, payload: bytes = b"") -> bytes:
        """The payload of the answer, from a board in the state that it should be in."""
        for _ in range(RESTARTS):
            try:
                return self._ask(kind, payload)
            except BoardResetError:
                self._recover()
        raise self._error(f"the board was reset {RESTARTS} times during one request: is its power supply sufficient?")

    def _ask(self, kind: int, payload: bytes) -> bytes:
        answer = self._client.request(kind, payload)
        if answer.code in FRAME_WORDS and kind == STEP:
            raise FrameError(f"{self.board} refuses the frame: {FRAME_WORDS[answer.code]}")
        if answer.code in (SNAPSHOT_DAMAGED, SNAPSHOT_FOREIGN) and kind == RESTORE:
            raise SnapshotError(f"{self.board}: {FAULTS[answer.code]}")
        if answer.code != DONE:
            raise self._error(FAULTS.get(answer.code, f"the board answers with the status {answer.code}"))
        return answer.payload

    def _recover(self) -> None:
        """Bring a board that has been reset to the state that it had. Raises LinkError, BoardResetError."""
        self.recoveries += 1
        steps = len(self._since.steps)
        lost = f"the board was reset, or its session was taken over, {steps} steps after the last snapshot"
        if not self.recover:
            raise self._error(lost)
        self.hello = self._open()
        try:
            if self._since.snapshot is not None:
                self._ask(RESTORE, self._since.snapshot)
            for k, (payload, expected) in enumerate(self._since.steps):
                outputs = unpack_ports(self._interface.outputs, self._ask(STEP, payload)[COUNTERS.size :])
                if any(a.tobytes() != b.tobytes() for a, b in zip(outputs, expected, strict=True)):
                    raise self._error(f"{lost}; repeating step {k} of them gave other outputs than before")
        except BoardResetError:
            self.recoveries += 1

    def _error(self, what: str, *, flash: bool = False) -> LinkError:
        remedy = "\n  what to do: flash the program that was built from this model for this board" if flash else ""
        return LinkError(f"{self.where}: {what}{remedy}")


def _padded(port: Port) -> int:
    nbytes = port.size * np.dtype(port.dtype).itemsize
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def payload_bytes(ports: tuple[Port, ...]) -> int:
    """Bytes of one frame of all ``ports``."""
    return sum(_padded(port) for port in ports)


def pack_ports(ports: tuple[Port, ...], frames: tuple[Array, ...]) -> bytes:
    """One frame for each port, little-endian, each from a multiple of four bytes."""
    parts = []
    for port, frame in zip(ports, frames, strict=True):
        data = np.ascontiguousarray(frame, np.dtype(port.dtype).newbyteorder("<")).tobytes()
        parts.append(data.ljust(_padded(port), b"\0"))
    return b"".join(parts)


def unpack_ports(ports: tuple[Port, ...], payload: bytes) -> tuple[Array, ...]:
    """The arrays in a payload."""
    arrays, position = [], 0
    for port in ports:
        dtype = np.dtype(port.dtype).newbyteorder("<")
        array = np.frombuffer(payload, dtype, port.size, position).astype(port.dtype).reshape(port.shape)
        arrays.append(array)
        position += _padded(port)
    return tuple(arrays)
