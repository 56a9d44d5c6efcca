"""A model on an emulated board: frames in, outputs and costs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgernn.boards.emulators.machine import CallResult, Emulator
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

    Raises ArtifactError for a program without a model, EmulationError where RAM is too small.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.layout = emulator.image.model()
        alignment = max(BUFFER_ALIGNMENT, self.layout.state_alignment)
        self._state = emulator.allocate("state", self.layout.state_bytes, alignment)
        interface = self.layout.interface
        self._inputs = {p.name: self._buffer(p) for p in interface.inputs}
        self._outputs = {p.name: self._buffer(p) for p in interface.outputs}
        self.reset()

    def _buffer(self, port: Port) -> int:
        return self.emulator.allocate(port.name, port.size * np.dtype(port.dtype).itemsize, BUFFER_ALIGNMENT)

    def reset(self) -> CallResult:
        """Set the states to their initial values."""
        return self.emulator.call(f"{self.layout.name}_init", self._state)

    def step(self, **inputs: Array) -> Step:
        """Process one frame: an array for each input port, by name, in the types of the C interface.

        Raises FrameError for missing or unfitting arrays, and for what the model itself refuses; EmulationError
        as ``Emulator.call``.
        """
        ports = self.layout.interface.inputs
        if set(inputs) != {p.name for p in ports}:
            raise FrameError(f"expected the inputs {', '.join(p.name for p in ports)}, found {', '.join(inputs)}")
        for port in ports:
            self.emulator.write(self._inputs[port.name], _checked(port, inputs[port.name]).tobytes())
        addresses = [*self._inputs.values(), *self._outputs.values()]
        cost = self.emulator.call(f"{self.layout.name}_step", self._state, *addresses)
        if cost.value:
            why = STATUS.get(cost.value)
            if why is None:
                raise EmulationError(f"{self.layout.name}_step returned the unknown status {cost.value}")
            raise FrameError(f"{self.layout.name}_step refuses the frame: {why}")
        return Step({p.name: self._read(p) for p in self.layout.interface.outputs}, cost)

    def _read(self, port: Port) -> Array:
        data = self.emulator.read(self._outputs[port.name], port.size * np.dtype(port.dtype).itemsize)
        return np.frombuffer(data, np.dtype(port.dtype)).reshape(port.shape)


def _checked(port: Port, value: Array) -> Array:
    if value.shape != port.shape or value.dtype != np.dtype(port.dtype):
        found = f"{value.dtype} of shape {value.shape}"
        raise FrameError(f"input {port.name}: expected {port.dtype} of shape {port.shape}, found {found}")
    return np.ascontiguousarray(value)
