"""A model on an emulated board: frames in, outputs and costs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgernn.boards.emulators.calls import CallResult, ProgramEmulator
from edgernn.errors import EmulationError, FrameError
from edgernn.ir.graph import Port

Array = npt.NDArray[Any]

BUFFER_ALIGNMENT = 16
STATUS = {1: "an input holds NaN or infinity", 2: "an index is out of range"}
"""What the step of a model returns beside 0, as ``ern.h`` defines it."""


@dataclass(frozen=True)
class Step:
    """Outputs of one step by name, in the types of the C interface, and what the call cost."""

    outputs: Mapping[str, Array]
    cost: CallResult


class EmulatedModel:
    """The model of a program that ``build_model`` made, with its memory in the RAM of the board.

    Inputs and outputs have the types of the C interface: those of integer models are integers. ``chunk`` is the
    number of frames for which there are buffers on the board.

    Raises ArtifactError for a program without a model, EmulationError where RAM is too small.
    """

    def __init__(self, emulator: ProgramEmulator, chunk: int = 1) -> None:
        self.emulator, self.chunk = emulator, chunk
        self.layout = emulator.image.model()
        self.inputs, self.outputs = self.layout.interface.inputs, self.layout.interface.outputs
        alignment = max(BUFFER_ALIGNMENT, self.layout.state_alignment)
        self.state = emulator.allocate("state", self.layout.state_bytes, alignment)
        self._places = {
            port.name: emulator.allocate(
                port.name, _nbytes(port) * (chunk if port.kind != "static" else 1), BUFFER_ALIGNMENT
            )
            for port in (*self.inputs, *self.outputs)
        }
        self.reset()

    def reset(self) -> CallResult:
        """Set the states to their initial values."""
        return self.emulator.call(f"{self.layout.name}_init", self.state)

    def step(self, **inputs: Array) -> Step:
        """Process one frame: an array for each input port, by name.

        Raises FrameError for missing or unfitting arrays, and for what the model itself refuses; EmulationError
        as ``Emulator.call``.
        """
        self._give(inputs, 0, None)
        cost = self.emulator.call(f"{self.layout.name}_step", self.state, *self._places.values())
        if cost.value:
            why = STATUS.get(cost.value)
            if why is None:
                raise EmulationError(f"{self.layout.name}_step returned the unknown status {cost.value}")
            raise FrameError(f"{self.layout.name}_step refuses the frame: {why}")
        return Step({port.name: self._take(port, None) for port in self.outputs}, cost)

    def run(self, passed: Callable[[int], None] = lambda steps: None, /, **inputs: Array) -> dict[str, Array]:
        """Process many frames, [T, *shape] for each input port but static ones; returns [T, *shape] by port.

        The program needs the model's function ``sequence``. ``passed`` is called with each number of frames that has
        been processed. Raises as ``step``.
        """
        timed = [port.name for port in self.inputs if port.kind != "static"]
        total = min((len(inputs[name]) for name in timed if name in inputs), default=0)
        parts: dict[str, list[Array]] = {port.name: [] for port in self.outputs}
        for start in range(0, total, self.chunk):
            count = min(self.chunk, total - start)
            self._give(inputs, start, count)
            cost = self.emulator.call(f"{self.layout.name}_sequence", self.state, count, *self._places.values())
            if cost.value != count:
                raise FrameError(f"{self.layout.name}_sequence refuses frame {start + cost.value}")
            for port in self.outputs:
                parts[port.name].append(self._take(port, count))
            passed(count)
        return {
            port.name: np.concatenate(parts[port.name]) if total else np.zeros((0, *port.shape), port.dtype)
            for port in self.outputs
        }

    def _give(self, inputs: Mapping[str, Array], start: int, count: int | None) -> None:
        """Write one frame, or ``count`` frames from ``start``, to the board."""
        if set(inputs) != {port.name for port in self.inputs}:
            expected = ", ".join(port.name for port in self.inputs)
            raise FrameError(f"expected the inputs {expected}, found {', '.join(inputs) or 'none'}")
        for port in self.inputs:
            array, shape = inputs[port.name], port.shape
            if count is not None and port.kind != "static":
                array, shape = array[start : start + count], (count, *port.shape)
            if array.shape != shape or array.dtype != np.dtype(port.dtype):
                found = f"{array.dtype} of shape {array.shape}"
                raise FrameError(f"input {port.name}: expected {port.dtype} of shape {shape}, found {found}")
            self.emulator.write(self._places[port.name], array.tobytes())

    def _take(self, port: Port, count: int | None) -> Array:
        data = self.emulator.read(self._places[port.name], _nbytes(port) * (count or 1))
        shape = port.shape if count is None else (count, *port.shape)
        return np.frombuffer(data, np.dtype(port.dtype)).reshape(shape)


def _nbytes(port: Port) -> int:
    return port.size * np.dtype(port.dtype).itemsize
