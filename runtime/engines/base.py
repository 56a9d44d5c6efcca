"""What an engine offers to a session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.frames import coerce_frame
from edgernn.runtime.quantized import dequantize, quick_quantizer


class Engine(ABC):
    """One loaded artifact with its own state. Not thread-safe.

    name           of the engine, as the user writes it
    checks_finite  whether ``run`` itself raises FrameError, before any state changes, for a float
                   frame with NaN or infinity and for an integer out of its port's range
    """

    name: ClassVar[str]
    checks_finite: ClassVar[bool] = False

    def __init__(self, interface: Interface) -> None:
        self.interface = interface

    @abstractmethod
    def run(self, *frames: Array) -> tuple[Array, ...]:
        """One step. ``frames`` are in port order, C-contiguous, of exactly the ports' shapes and dtypes.

        Returns new arrays, one an output port, and advances the state.
        """

    @abstractmethod
    def get_states(self) -> list[Array]:
        """Copies of the states, in the interface's order, shapes and dtypes."""

    @abstractmethod
    def set_states(self, states: Sequence[Array]) -> None:
        """Replace the states. ``states`` fit the interface in order, shape and dtype."""

    def single(self) -> Callable[[Array], Array]:
        """The fastest way to make a step of a model with one input and one output: as ``run``, without tuples."""
        run = self.run
        return lambda frame: run(frame)[0]

    def single_real(self) -> Callable[[Array], Array]:
        """As ``single``, of real values, for an integer model with one input and one output.

        The frame is float32 where the input has a scale, and so is the result where the output has one; their
        shapes are the ports', the frame is C-contiguous, other ports as for ``run``. Contract, bit for bit:
        ``dequantize(run(quantize(frame)))`` of ``edgernn.runtime.quantized``; FrameError, before any state
        changes, for NaN, infinity and an index out of range. Steps of both kinds advance the same state.

        An engine that does this in compiled code overrides this method; this one does it in NumPy.
        """
        run, source, target = self.single(), self.interface.inputs[0], self.interface.outputs[0]

        def coerce(frame: Array) -> Array:
            return coerce_frame(frame, source)

        read = coerce if source.scale is None else quick_quantizer(source, coerce)
        return lambda frame: dequantize(run(read(frame)), target)

    def reset(self) -> None:
        """Set the states to their initial values."""
        self.set_states([state.initial for state in self.interface.states])

    def close(self) -> None:
        """Release what the engine holds. The engine cannot be used afterwards."""


def copy_states(states: Sequence[Array]) -> list[Array]:
    """Independent copies."""
    return [np.array(state) for state in states]
