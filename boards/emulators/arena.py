"""Memory for the caller of an emulated program: what lies between its variables and its stack, with guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgernn.errors import EmulationError

GUARD = b"\xc5" * 16


@dataclass(frozen=True)
class Buffer:
    """Memory lent to the program."""

    name: str
    address: int
    size_bytes: int


class Arena:
    """Buffers of ``machine`` from ``start`` to ``end``. A guard before and behind each shows writes beside it."""

    def __init__(self, machine: Any, start: int, end: int, where: str) -> None:
        self._machine, self._next, self._end, self._where = machine, start, end, where
        self.buffers: list[Buffer] = []

    def allocate(self, name: str, size_bytes: int, alignment: int) -> Buffer:
        """A buffer of zeros. Raises EmulationError where the RAM of the board is too small."""
        address = -(-(self._next + len(GUARD)) // alignment) * alignment
        end = address + size_bytes + len(GUARD)
        if end > self._end:
            raise EmulationError(
                f"{self._where}: {name} needs {size_bytes} bytes; between variables and stack "
                f"{max(0, self._end - self._next)} bytes of RAM are left"
            )
        self._machine.mem_write(address - len(GUARD), GUARD + bytes(size_bytes) + GUARD)
        self._next = end
        self.buffers.append(Buffer(name, address, size_bytes))
        return self.buffers[-1]

    def holder(self, address: int) -> Buffer | None:
        """The buffer that holds ``address``."""
        return next((b for b in self.buffers if b.address <= address < b.address + b.size_bytes), None)

    def check(self) -> None:
        """Raise EmulationError if a guard has changed."""
        for buffer in self.buffers:
            for side, address in (
                ("before", buffer.address - len(GUARD)),
                ("behind", buffer.address + buffer.size_bytes),
            ):
                found = bytes(self._machine.mem_read(address, len(GUARD)))
                if found != GUARD:
                    changed = [k for k in range(len(GUARD)) if found[k] != GUARD[k]]
                    raise EmulationError(
                        f"{self._where}: wrote {side} the buffer {buffer.name} ({buffer.address:#010x}, "
                        f"{buffer.size_bytes} bytes): byte {address + changed[0]:#010x} has changed"
                    )
