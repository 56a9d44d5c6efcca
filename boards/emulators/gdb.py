"""A debugger's side of QEMU: registers, memory and breakpoints over the GDB remote serial protocol."""

from __future__ import annotations

import socket
import time
import weakref
from pathlib import Path

from edgernn.boards.emulators.calls import MachineError
from edgernn.errors import EmulationError

MEMORY_BYTES = 1024
"""Of one packet; QEMU takes packets of 4096 characters."""

REPLY_S = 10.0
READ_BYTES = 1 << 16
INTERRUPT = b"\x03"
SOFTWARE_BREAKPOINT = 0
CONNECT_S = 5.0


class GdbClient:
    """A stopped processor behind a Unix socket. ``word_bytes`` is the width of its registers.

    Methods raise EmulationError where the connection ends or the answer is not one of the protocol.
    """

    def __init__(self, path: Path, word_bytes: int) -> None:
        self._word_bytes, self._pending = word_bytes, b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._finalizer = weakref.finalize(self, self._socket.close)
        try:
            self._connect(path)
        except OSError as error:
            self.close()
            raise EmulationError(f"{path}: QEMU does not answer: {error}") from None
        self._ask("qSupported:xmlRegisters=arm,riscv")
        self._ask("qXfer:features:read:target.xml:0,ffb")  # QEMU gives single registers to those who read this

    def _connect(self, path: Path) -> None:
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                return self._socket.connect(str(path))
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def close(self) -> None:
        """End the connection."""
        self._finalizer()

    def reg_read(self, register: int) -> int:
        """Value of a register, by its number in GDB."""
        return int.from_bytes(self._hexadecimal(self._ask(f"p{register:x}")), "little")

    def reg_write(self, register: int, value: int) -> None:
        """Set a register."""
        self._command(f"P{register:x}={value.to_bytes(self._word_bytes, 'little').hex()}")

    def mem_read(self, address: int, size_bytes: int) -> bytes:
        """Memory as the processor sees it. Raises MachineError where there is none."""
        parts = []
        for start in range(address, address + size_bytes, MEMORY_BYTES):
            reply = self._ask(f"m{start:x},{min(MEMORY_BYTES, address + size_bytes - start):x}")
            if reply.startswith("E"):
                raise MachineError(f"{start:#010x}: {reply}")
            parts.append(self._hexadecimal(reply))
        return b"".join(parts)

    def mem_write(self, address: int, data: bytes) -> None:
        """Change memory. Raises MachineError where there is none."""
        for start in range(0, len(data), MEMORY_BYTES):
            part = data[start : start + MEMORY_BYTES]
            reply = self._ask(f"M{address + start:x},{len(part):x}:{part.hex()}")
            if reply != "OK":
                raise MachineError(f"{address + start:#010x}: {reply}")

    def set_breakpoint(self, address: int, size_bytes: int = 2) -> None:
        """Stop before the instruction at ``address``."""
        self._command(f"Z{SOFTWARE_BREAKPOINT},{address:x},{size_bytes}")

    def remove_breakpoint(self, address: int, size_bytes: int = 2) -> None:
        """Do not stop there any more."""
        self._command(f"z{SOFTWARE_BREAKPOINT},{address:x},{size_bytes}")

    def run(self, timeout_s: float) -> bool:
        """Go on until a breakpoint; False where it had to be interrupted after ``timeout_s``."""
        self._send("c")
        reply = self._receive(timeout_s)
        in_time = reply is not None
        if reply is None:
            self._socket.sendall(INTERRUPT)
            reply = self._receive(REPLY_S)
        if reply is None or reply[:1] not in ("T", "S"):
            raise EmulationError(f"QEMU ended the program: {reply or 'no answer'}")
        return in_time

    def _command(self, text: str) -> None:
        reply = self._ask(text)
        if reply != "OK":
            raise EmulationError(f"QEMU refuses {text!r} with {reply!r}")

    def _hexadecimal(self, reply: str) -> bytes:
        try:
            return bytes.fromhex(reply)
        except ValueError:
            raise EmulationError(f"QEMU answers {reply[:40]!r} instead of bytes") from None

    def _ask(self, text: str) -> str:
        self._send(text)
        reply = self._receive(REPLY_S)
        if reply is None:
            raise EmulationError(f"QEMU does not answer {text[:40]!r}")
        return reply

    def _send(self, text: str) -> None:
        data = text.encode()
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
        except OSError as error:
            raise EmulationError(f"the connection to QEMU has ended: {error}") from None

    def _receive(self, timeout_s: float) -> str | None:
        """The next packet, acknowledged; None where there is none in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            start = self._pending.find(b"$")
            end = self._pending.find(b"#", start) if start >= 0 else -1
            if 0 <= end <= len(self._pending) - 3:
                packet, self._pending = self._pending[start + 1 : end], self._pending[end + 3 :]
                self._socket.sendall(b"+")
                return packet.decode("latin-1")
            self._socket.settimeout(max(1e-3, deadline - time.monotonic()))
            try:
                received = self._socket.recv(READ_BYTES)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    return None
                continue
            except OSError as error:
                raise EmulationError(f"the connection to QEMU has ended: {error}") from None
            if not received:
                raise EmulationError("QEMU has ended")
            self._pending += received
