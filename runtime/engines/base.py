"""What an engine offers to a session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from edgernn.ir.interface import Interface
from edgernn.ir.op import Array


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

    def reset(self) -> None:
        """Set the states to their initial values."""
        self.set_states([state.initial for state in self.interface.states])

    def close(self) -> None:
        """Release what the engine holds. The engine cannot be used afterwards."""


def copy_states(states: Sequence[Array]) -> list[Array]:
    """Independent copies."""
    return [np.array(state) for state in states]
