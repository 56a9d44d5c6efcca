"""How deep the stack got: it is painted before a call and looked at afterwards, at no cost in between."""

from __future__ import annotations

from typing import Any

PAINT = b"\xa5"
GUARD_BYTES = 256


class PaintedStack:
    """The stack of ``machine`` from ``limit`` to ``top``; what an overflow writes to starts at ``guard``."""

    def __init__(self, machine: Any, guard: int, limit: int, top: int) -> None:
        self._machine, self.guard, self.limit, self.top = machine, guard, limit, top
        self._lowest = guard

    def paint(self, top: int) -> None:
        """Paint from the lowest address that has been written since the last time up to ``top``."""
        if top > self._lowest:
            self._machine.mem_write(self._lowest, PAINT * (top - self._lowest))

    def lowest(self) -> int:
        """The lowest address whose byte is no longer painted; below ``limit`` after an overflow."""
        content = bytes(self._machine.mem_read(self.guard, self.top - self.guard))
        self._lowest = self.guard + len(content) - len(content.lstrip(PAINT))
        return self._lowest
