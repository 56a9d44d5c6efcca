"""Runs the exported C, compiled as a shared library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from edgernn.errors import EngineError, MissingExtraError
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.engines.native_call import Caller
from edgernn.runtime.engines.native_library import Table, load_library


class NativeEngine(Engine):
    """A library with one stream's memory. The library stays loaded as long as the process."""

    name: ClassVar[str] = "native"
    checks_finite: ClassVar[bool] = True

    def __init__(self, interface: Interface, handle: ctypes.CDLL, table: Table) -> None:
        super().__init__(interface)
        self._caller = Caller(interface, handle, table)
        table.reset(self._caller.model_address)

    def run(self, *frames: Array) -> tuple[Array, ...]:
        return self._caller.run(*frames)

    def single(self) -> Callable[[Array], Array]:
        return self._caller.run_single

    def single_real(self) -> Callable[[Array], Array]:
        return self._caller.run_real or super().single_real()

    def get_states(self) -> list[Array]:
        return copy_states(self._caller.views)

    def set_states(self, states: Sequence[Array]) -> None:
        for view, state in zip(self._caller.views, states, strict=True):
            view[...] = state


def missing() -> MissingExtraError | None:
    """Nothing beside NumPy is needed."""
    return None


def open(path: Path) -> NativeEngine:
    """Load a .so file of a step program."""
    interface, handle, table = load_library(path)
    if interface.max_frames is not None:
        raise EngineError(f"{path}: a model of whole segments: it has no step; run it with edgernn.load")
    return NativeEngine(interface, handle, table)
