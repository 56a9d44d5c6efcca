"""Counting the basic blocks that an emulated processor executes.

Unicorn calls a hook at the start of each block, with its address and size; the instructions of a block are
counted once, by their lengths. Both counters below count the same. The native one is compiled by numba and called
by Unicorn without Python; it is some fifty times as fast.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from edgernn.errors import EmulationError, MissingExtraError

Block = tuple[int, int]
"""Address and bytes."""

SLOTS = 1 << 14
SIZE_BITS = 16
HASH = 0x9E3779B97F4A7C15
LOST = 2 * SLOTS
"""Index of the number of executions that found no slot."""


class Counter(Protocol):
    """Executions of each block since ``clear``."""

    kind: str

    def clear(self) -> None: ...

    def executions(self) -> dict[Block, int]: ...


class PythonCounter:
    """Counts with a hook in Python."""

    kind = "python"

    def __init__(self, machine: Any, hook_type: int) -> None:
        self._counts: dict[Block, int] = {}
        machine.hook_add(hook_type, self._count)

    def _count(self, machine: Any, address: int, size: int, user: object) -> None:
        self._counts[address, size] = self._counts.get((address, size), 0) + 1

    def clear(self) -> None:
        """Forget what was counted."""
        self._counts.clear()

    def executions(self) -> dict[Block, int]:
        """Executions of each block."""
        return dict(self._counts)


class NativeCounter:
    """Counts with a compiled hook, in a hash table: SLOTS pairs of key and executions."""

    kind = "native"

    def __init__(self, machine: Any, hook_type: int) -> None:
        self._table = np.zeros(2 * SLOTS + 1, np.int64)
        self._hook = native_hook()
        self._handle = ctypes.c_size_t()
        status = _library().uc_hook_add(
            machine._uch, ctypes.byref(self._handle), hook_type,
            ctypes.cast(self._hook.address, ctypes.c_void_p), ctypes.cast(self._table.ctypes.data, ctypes.c_void_p),
            ctypes.c_uint64(1), ctypes.c_uint64(0),
        )  # fmt: skip
        if status:
            raise EmulationError(f"Unicorn refuses the counting hook with status {status}")

    def clear(self) -> None:
        """Forget what was counted."""
        self._table.fill(0)

    def executions(self) -> dict[Block, int]:
        """Executions of each block. Raises EmulationError where there were more blocks than slots."""
        if self._table[LOST]:
            raise EmulationError(f"the program has more than {SLOTS} basic blocks; count in Python (native=False)")
        pairs = self._table[:LOST].reshape(SLOTS, 2)
        used = pairs[pairs[:, 0] != 0]
        low = (1 << SIZE_BITS) - 1
        return {(key >> SIZE_BITS, key & low): count for key, count in used.tolist()}


def make_counter(machine: Any, hook_type: int, native: bool | None) -> Counter:
    """The native counter, or with ``native`` False the one in Python; None takes the native one if numba is there.

    Raises MissingExtraError for ``native`` True without numba.
    """
    if native is False:
        return PythonCounter(machine, hook_type)
    try:
        return NativeCounter(machine, hook_type)
    except ImportError:
        if native:
            raise MissingExtraError("numba", "boards", "counting at native speed") from None
        return PythonCounter(machine, hook_type)


def _library() -> Any:
    from unicorn.unicorn_py3.unicorn import uclib  # the binding's handle of the shared library

    return uclib


@lru_cache(maxsize=1)
def native_hook() -> Any:
    """The compiled hook. Raises ImportError without numba."""
    import numba as nb

    u64, slots, lost = np.uint64, np.uint64(SLOTS), LOST
    factor, shift, size_bits = u64(HASH), u64(64 - (SLOTS.bit_length() - 1)), u64(SIZE_BITS)
    length = 2 * SLOTS + 1

    def count(machine: Any, address: Any, size: Any, user: Any) -> None:
        table = nb.carray(user, length, nb.int64)
        key = (address << size_bits) | u64(size)
        slot = (key * factor) >> shift
        for _ in range(SLOTS):
            at = u64(2) * slot
            if table[at] == key:
                table[at + u64(1)] += 1
                return
            if table[at] == 0:
                table[at] = key
                table[at + u64(1)] = 1
                return
            slot = (slot + u64(1)) % slots
        table[lost] += 1

    signature = nb.types.void(nb.types.voidptr, nb.types.uint64, nb.types.uint32, nb.types.voidptr)
    return nb.cfunc(signature, cache=True)(count)


def thumb_bytes(first: bytes) -> int:
    """Bytes of the instruction with this first halfword (Arm v7-M reference manual, A5.1)."""
    return 4 if first[1] >> 3 >= 0b11101 else 2


def _thumb_lengths(code: bytes) -> int:
    number = at = 0
    while at + 1 < len(code):
        at += thumb_bytes(code[at : at + 2])
        number += 1
    return number


def riscv_bytes(first: bytes) -> int:
    """Bytes of the instruction with these first bytes (RISC-V unprivileged specification, 1.5)."""
    return 4 if first[0] & 3 == 3 else 2


def _riscv_lengths(code: bytes) -> int:
    number = at = 0
    while at < len(code):
        at += riscv_bytes(code[at : at + 2])
        number += 1
    return number


INSTRUCTIONS: dict[str, Callable[[bytes], int]] = {
    "cortex-m": _thumb_lengths,
    "riscv32": _riscv_lengths,
    "aarch64": lambda code: len(code) // 4,
}
"""Family -> number of instructions in the code of a block.

Thumb (Arm v7-M reference manual, A5.1): a halfword whose top five bits are 11101, 11110 or 11111 starts a 32-bit
instruction. RISC-V (unprivileged specification, 1.5): two low bits 11 do.
"""
