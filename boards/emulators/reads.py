"""Counting lines of flash that a program reads as data: what waiting for flash can cost at most."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from edgernn.boards.manifest import Region
from edgernn.errors import EmulationError, MissingExtraError

COUNT, LAST, SHIFT = range(3)


class LineCounter:
    """Counts reads from ``regions`` of another line than that of the read before: a buffer of one line, no cache.

    Raises MissingExtraError without numba.
    """

    def __init__(self, machine: Any, hook_type: int, regions: Sequence[Region], line_bytes: int) -> None:
        try:
            self._hook = reading_hook()
        except ImportError:
            raise MissingExtraError("numba", "boards", "bounding waits for flash") from None
        self._table = np.array([0, -1, line_bytes.bit_length() - 1], np.int64)
        self._handles = [ctypes.c_size_t() for _ in regions]
        for region, handle in zip(regions, self._handles, strict=True):
            self._add(machine, hook_type, region, handle)

    def _add(self, machine: Any, hook_type: int, region: Region, handle: ctypes.c_size_t) -> None:
        from unicorn.unicorn_py3.unicorn import uclib  # the binding's handle of the shared library

        status = uclib.uc_hook_add(
            machine._uch, ctypes.byref(handle), hook_type,
            ctypes.cast(self._hook.address, ctypes.c_void_p), ctypes.cast(self._table.ctypes.data, ctypes.c_void_p),
            ctypes.c_uint64(region.address), ctypes.c_uint64(region.end - 1),
        )  # fmt: skip
        if status:
            raise EmulationError(f"Unicorn refuses the reading hook with status {status}")

    @property
    def count(self) -> int:
        """Lines so far."""
        return int(self._table[COUNT])


@lru_cache(maxsize=1)
def reading_hook() -> Any:
    """The compiled hook. Raises ImportError without numba."""
    import numba as nb

    def read(machine: Any, kind: Any, address: Any, size: Any, value: Any, user: Any) -> None:
        table = nb.carray(user, 3, nb.int64)
        first = np.int64(address) >> table[2]
        last = (np.int64(address) + np.int64(size) - 1) >> table[2]
        if first != table[1]:
            table[0] += 1
        if last != first:
            table[0] += 1
        table[1] = last

    types = nb.types
    signature = types.void(types.voidptr, types.int32, types.uint64, types.int32, types.int64, types.voidptr)
    return nb.cfunc(signature, cache=True)(read)
