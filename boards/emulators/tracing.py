"""Counting executed blocks with what cycles depend on: where each goes next, and on whose behalf it runs.

A block is counted apart for each place in a chosen function from which it was reached: the block of that function that
ran last, which holds the call. So the cost of everything that a statement calls is that of the statement, exactly.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from edgernn.boards.emulators.counting import HASH, Block
from edgernn.errors import EmulationError, MissingExtraError

SLOTS = 1 << 14
HEAD, COLUMNS = 8, 6
PREVIOUS, END, LOW, HIGH, CONTEXT, LOST = range(6)
KEY, EXECUTIONS, TAKEN, MISSED, ENTERED, PREDICTOR = range(COLUMNS)
SIZE_BITS, ADDRESS_BITS = 12, 32
"""Of a key, in half-words of a block and bytes of its address; the bits above hold the context."""


@dataclass(frozen=True)
class Trace:
    """One basic block, in one context.

    context     end of the block of the chosen function that ran last; 0 before any has
    executions  how often it ran
    taken       how often it went elsewhere than to the block behind it
    missed      how often two bits of history, for each block, would have guessed that wrong
    entered     how often it was jumped to
    """

    context: int
    address: int
    size_bytes: int
    executions: int
    taken: int
    missed: int
    entered: int


class TracingCounter:
    """Counts with a compiled hook; ``executions`` is that of ``edgernn.boards.emulators.counting.Counter``.

    low, high  addresses of the function whose blocks are the contexts

    Raises MissingExtraError without numba.
    """

    kind = "native"

    def __init__(self, machine: Any, hook_type: int, low: int, high: int) -> None:
        try:
            self._hook = tracing_hook()
        except ImportError:
            raise MissingExtraError("numba", "boards", "estimating cycles and costs of nodes") from None
        self._low, self._high = low, high
        self._table = np.zeros(HEAD + SLOTS * COLUMNS, np.int64)
        self.clear()
        self._handle = ctypes.c_size_t()
        from unicorn.unicorn_py3.unicorn import uclib  # the binding's handle of the shared library

        status = uclib.uc_hook_add(
            machine._uch, ctypes.byref(self._handle), hook_type,
            ctypes.cast(self._hook.address, ctypes.c_void_p), ctypes.cast(self._table.ctypes.data, ctypes.c_void_p),
            ctypes.c_uint64(1), ctypes.c_uint64(0),
        )  # fmt: skip
        if status:
            raise EmulationError(f"Unicorn refuses the tracing hook with status {status}")

    def clear(self) -> None:
        """Forget what was counted; branches are guessed anew."""
        self._table.fill(0)
        self._table[PREVIOUS] = -1
        self._table[LOW], self._table[HIGH] = self._low, self._high

    def _rows(self) -> Any:
        if self._table[LOST]:
            raise EmulationError(f"the program has more than {SLOTS} basic blocks in all contexts")
        rows = self._table[HEAD:].reshape(SLOTS, COLUMNS)
        return rows[rows[:, KEY] != 0]

    def executions(self) -> dict[Block, int]:
        """Executions of each block, in all contexts."""
        found: dict[Block, int] = {}
        for trace in self.traces():
            block = trace.address, trace.size_bytes
            found[block] = found.get(block, 0) + trace.executions
        return found

    def traces(self) -> list[Trace]:
        """All blocks in all contexts."""
        address_mask, size_mask = (1 << ADDRESS_BITS) - 1, (1 << SIZE_BITS) - 1
        return [
            Trace(
                self._low + 2 * (key >> (ADDRESS_BITS + SIZE_BITS)) if key >> (ADDRESS_BITS + SIZE_BITS) else 0,
                key >> SIZE_BITS & address_mask, 2 * (key & size_mask), executions, taken, missed, entered,
            )
            for key, executions, taken, missed, entered, _ in self._rows().tolist()
        ]  # fmt: skip


@lru_cache(maxsize=1)
def tracing_hook() -> Any:
    """The compiled hook. Raises ImportError without numba."""
    import numba as nb

    slots, length = SLOTS, HEAD + SLOTS * COLUMNS
    factor, shift = np.uint64(HASH), np.uint64(64 - (SLOTS.bit_length() - 1))
    size_bits, context_bits = SIZE_BITS, ADDRESS_BITS + SIZE_BITS
    i64, u64 = np.int64, np.uint64

    def trace(machine: Any, address: Any, size: Any, user: Any) -> None:
        table = nb.carray(user, length, nb.int64)
        at, end = i64(address), i64(address) + i64(size)
        previous, entered = table[0], i64(1)
        if previous >= 0:
            state = table[previous + 5]
            if at == table[1]:
                entered = i64(0)
                if state >= 2:
                    table[previous + 3] += 1
                if state > 0:
                    table[previous + 5] = state - 1
            else:
                table[previous + 2] += 1
                if state < 2:
                    table[previous + 3] += 1
                if state < 3:
                    table[previous + 5] = state + 1
        if table[2] <= at < table[3]:
            table[4] = (end - table[2]) >> 1
        key = (table[4] << context_bits) | (at << size_bits) | (i64(size) >> 1)
        slot = i64((u64(key) * factor) >> shift)
        for _ in range(slots):
            row = 8 + slot * 6
            if table[row] == 0:
                table[row] = key
            if table[row] == key:
                table[row + 1] += 1
                table[row + 4] += entered
                table[0] = row
                table[1] = end
                return
            slot = (slot + 1) % slots
        table[5] += 1

    signature = nb.types.void(nb.types.voidptr, nb.types.uint64, nb.types.uint32, nb.types.voidptr)
    return nb.cfunc(signature, cache=True)(trace)
