"""A model on a board as the host sees it, whatever lies between: frames go in, outputs and counters come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgernn.errors import FrameError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.runtime.quantized import quantize

Array = npt.NDArray[Any]
Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done, and the total."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Counters:
    """What one step cost; None for what the link cannot tell.

    instructions  executed from the call of the step to its return, exact
    cycles        of the core's own counter: measured; an estimate never stands here
    stack_bytes   the lowest byte of stack written, below the call of the step
    time_us       of a clock on the board or machine that ran the step: measured
    """

    instructions: int | None = None
    cycles: int | None = None
    stack_bytes: int | None = None
    time_us: float | None = None


@dataclass(frozen=True)
class Streamed:
    """Outputs by port, [T, *shape] in the types of the model's C interface, and the counters of each step."""

    outputs: Mapping[str, Array]
    counters: tuple[Counters, ...]


class Link(Protocol):
    """One model on one board, with its state.

    kind       "emulator", "qemu", "serial", "ssh" or "local"
    where      the processor model, port or address behind it, for messages
    board      id of the board
    interface  ports and states of the model, as the board or its program tells
    """

    kind: str
    where: str
    board: str

    @property
    def interface(self) -> Interface: ...

    def reset(self) -> None:
        """Set the states to their initial values."""

    def stream(self, frames: Mapping[str, Array], progress: Progress = no_progress) -> Streamed:
        """Process frames, [T, *shape] for each input port ([*shape] for static ones), continuing from the last ones.

        Arrays have the dtypes of the ports: those of integer models are integers (``to_ports`` makes them).
        No frame is lost or doubled: either all are answered, or this raises. Raises FrameError for frames that do not
        fit or that the model refuses, EmulationError or LinkError where the board or the way to it fails.
        """

    def close(self) -> None:
        """Let go of the board. May be called twice."""


def count_frames(interface: Interface, frames: Mapping[str, Array]) -> int:
    """The number of frames, the same for each port. Raises FrameError, naming the port that does not fit."""
    if set(frames) != {port.name for port in interface.inputs}:
        expected = ", ".join(port.name for port in interface.inputs)
        raise FrameError(f"expected the inputs {expected}, found {', '.join(frames) or 'none'}")
    total: int | None = None
    for port in interface.inputs:
        array, timed = frames[port.name], port.kind != "static"
        shape = tuple(array.shape[1:]) if timed and array.ndim else tuple(array.shape)
        if shape != tuple(port.shape) or array.dtype != np.dtype(port.dtype) or (timed and not array.ndim):
            expected = f"{port.dtype} of shape {('T', *port.shape) if timed else port.shape}"
            raise FrameError(f"input {port.name}: expected {expected}, found {array.dtype} of shape {array.shape}")
        if timed and total not in (None, len(array)):
            raise FrameError(f"input {port.name}: expected {total} frames like those before it, found {len(array)}")
        total = len(array) if timed else total
    return total or 0


def to_ports(interface: Interface, frames: Mapping[str, Array]) -> dict[str, Array]:
    """Real values as arrays in the dtypes of the ports, for ``Link.stream``; names that are no port stay."""
    ports = {port.name: port for port in interface.inputs}
    return {name: _to_port(array, ports.get(name)) for name, array in frames.items()}


def _to_port(array: Array, port: Port | None) -> Array:
    if port is None:
        return array
    if port.scale is not None and array.dtype.kind == "f":
        return quantize(array, port)
    return np.ascontiguousarray(array, port.dtype)
