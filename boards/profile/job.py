"""What is to be profiled, where, and on which frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgernn.boards.manifest import Board
from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.runtime.io import open_source
from edgernn.runtime.quantized import real_interface

Array = npt.NDArray[Any]

SEED = 1
RANDOM_STEPS = 32
RANGE_SHARE = 0.25
"""Standard deviation of random frames of integer models, as a share of what their ports can hold."""


@dataclass(frozen=True)
class Way:
    """How a board is reached.

    kind     "emulator", "serial", "local" or "ssh"
    address  port or host, where there is one
    options  of ssh, as in ssh_config(5)
    python   the interpreter at the end of ssh, "" for python3
    """

    kind: str
    address: str = ""
    options: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True)
class Job:
    """One artifact on one board.

    engine     of the runtime, for boards that run artifacts as they are; "auto" for the fastest
    compiler   for microcontroller boards, as ``edgernn.boards.toolchain.find_compiler`` takes it
    work       a folder for files in between, which jobs share
    period_us  of the frames of a step; None where it is unknown
    """

    artifact: Path
    board: Board
    way: Way
    frames: Frames
    work: Path
    engine: str = "auto"
    compiler: str = "auto"
    period_us: float | None = None

    def period_of(self, interface: Interface) -> float | None:
        """The period that was given, or that of a model of sound at its sampling rate."""
        if self.period_us is not None or interface.sample_rate_hz is None or not interface.inputs:
            return self.period_us
        return interface.inputs[0].size / interface.sample_rate_hz * 1e6


class Frames:
    """The frames that every board gets: from files as ``edgernn run`` reads them, or random ones.

    specs  as for ``edgernn.runtime.io.open_source``; none for random frames
    steps  the most that are used
    """

    def __init__(self, specs: Sequence[str] = (), steps: int | None = None) -> None:
        self._specs, self._steps = tuple(specs), steps
        self._read: dict[tuple[Port, ...], dict[str, Array]] = {}

    @property
    def description(self) -> str:
        """For people."""
        return ", ".join(self._specs) or "random frames"

    def read(self, interface: Interface) -> dict[str, Array]:
        """Real values: [T, *shape] for each input port, [*shape] for static ones. Raises UsageError, FrameError."""
        if interface.encoder is not None:
            raise UsageError(
                f"{interface.name}: an encoder with a decoder is looked at in its parts: give its .ern file"
            )
        ports = real_interface(interface).inputs
        if ports not in self._read:
            self._read[ports] = self._from_files(interface) if self._specs else self._random(interface)
        return self._read[ports]

    def _from_files(self, interface: Interface) -> dict[str, Array]:
        with open_source(self._specs, interface) as source:
            rows = list(islice(iter(source), self._steps))
            if not rows:
                raise FrameError(f"{source.where}: there are no frames")
        return _stacked(interface, rows)

    def _random(self, interface: Interface) -> dict[str, Array]:
        rng = np.random.default_rng(SEED)
        steps = self._steps or max(1, RANDOM_STEPS // (interface.max_frames or 1))
        return {p.name: _draw(p, rng, steps) for p in interface.inputs}


def _stacked(interface: Interface, rows: Sequence[Sequence[Array]]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for k, port in enumerate(real_interface(interface).inputs):
        column = [np.asarray(row[k], port.dtype).reshape(port.shape) for row in rows]
        found[port.name] = column[0] if port.kind == "static" else np.stack(column)
    return found


def _draw(port: Port, rng: np.random.Generator, steps: int) -> Array:
    shape = port.shape if port.kind == "static" else (steps, *port.shape)
    if port.scale is None and np.dtype(port.dtype).kind != "f":
        return rng.integers(0, port.limit or 1, shape).astype(port.dtype)
    spread = 1.0 if port.scale is None else RANGE_SHARE * port.scale * np.iinfo(port.dtype).max
    return (spread * rng.standard_normal(shape)).astype(np.float32)


def count_steps(interface: Interface, frames: Mapping[str, Array]) -> int:
    """Steps in ``frames``."""
    timed = [port.name for port in interface.inputs if port.kind != "static"]
    return len(frames[timed[0]]) if timed else 1


def segment_notes(interface: Interface) -> list[str]:
    """What to know of the steps of a model of whole segments."""
    return [] if interface.max_frames is None else [f"a step is a segment of {interface.max_frames} frames"]
