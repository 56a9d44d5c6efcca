"""The link to a board that Unicorn emulates in this process."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgernn.boards.emulators import EmulatedModel, Emulator
from edgernn.boards.links.base import Array, Counters, Progress, Streamed, count_frames, no_progress
from edgernn.errors import FrameError
from edgernn.ir.interface import Interface


class EmulatorLink:
    """``edgernn.boards.links.Link`` to the model of a program that ``build_model`` made."""

    kind = "emulator"

    def __init__(self, emulator: Emulator) -> None:
        self._model = EmulatedModel(emulator)
        self.board = emulator.board.id
        self.where = f"Unicorn {emulator.board.emulation.unicorn}"

    @property
    def interface(self) -> Interface:
        """Ports and states."""
        return self._model.layout.interface

    @property
    def state_bytes(self) -> int:
        """Bytes of the structure of a stream: states and scratch."""
        return self._model.layout.state_bytes

    def reset(self) -> None:
        """Set the states to their initial values."""
        self._model.reset()

    def stream(self, frames: Mapping[str, Array], progress: Progress = no_progress) -> Streamed:
        """As ``Link.stream``: one call of the step for each frame."""
        total = count_frames(self.interface, frames)
        timed = {port.name for port in self.interface.inputs if port.kind != "static"}
        parts: dict[str, list[Array]] = {port.name: [] for port in self.interface.outputs}
        counters = []
        for k in range(total):
            try:
                step = self._model.step(**{n: a[k] if n in timed else a for n, a in frames.items()})
            except FrameError as error:
                raise FrameError(f"frame {k}: {error}") from None
            counters.append(Counters(step.cost.instructions, stack_bytes=step.cost.stack_bytes))
            for name, array in step.outputs.items():
                parts[name].append(array)
            progress(f"emulating {self.board}", k + 1, total)
        empty = {port.name: np.zeros((0, *port.shape), port.dtype) for port in self.interface.outputs}
        return Streamed({n: np.stack(p) if p else empty[n] for n, p in parts.items()}, tuple(counters))

    def close(self) -> None:
        """Nothing is held."""
