"""Runs .ern files by kernels compiled with numba: a step is one call of compiled code.

The first process on a machine compiles the kernels that a model needs (seconds); they are kept on disk, for
all models, see ``edgernn.runtime.kernels.build``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgernn.errors import EngineError, FrameError, MissingExtraError
from edgernn.ir.ernfile import read_ern
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ops import OPS
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.frames import check_values
from edgernn.runtime.quantized import real_dtype, real_port


class NumbaEngine(Engine):
    """A step program as a table of kernel calls over one arena of memory."""

    name: ClassVar[str] = "numba"
    checks_finite: ClassVar[bool] = True

    def __init__(self, interface: Interface, graph: Graph) -> None:
        super().__init__(interface)
        try:
            from edgernn.runtime.kernels.assemble import assemble
        except ImportError as error:
            raise EngineError(f"numba is installed but cannot be imported: {error}") from error
        assembly = assemble(graph)
        self._call, self._states = assembly.step, assembly.states
        self._real_call = assembly.real_step or assembly.step
        self._results = [(port.shape, np.dtype(port.dtype)) for port in interface.outputs]
        self.reset()

    def run(self, *frames: Array) -> tuple[Array, ...]:
        for frame, port in zip(frames, self.interface.inputs, strict=True):
            _check_layout(frame, port)
        results = tuple(np.empty(shape, dtype) for shape, dtype in self._results)
        if self._call(*frames, *results) is None:
            raise self._refusal(frames)
        return results

    def single(self) -> Callable[[Array], Array]:
        return self._single(self._call, *self._results[0])

    def single_real(self) -> Callable[[Array], Array]:
        return self._single(self._real_call, self._results[0][0], real_dtype(self.interface.outputs[0]))

    def _single(
        self, call: Callable[..., Array | None], shape: tuple[int, ...], dtype: Any
    ) -> Callable[[Array], Array]:
        empty = np.empty

        def step(frame: Array) -> Array:
            result = call(frame, empty(shape, dtype))
            if result is None:
                raise self._refusal((frame,))
            return result

        return step

    def get_states(self) -> list[Array]:
        return copy_states(self._states)

    def set_states(self, states: Sequence[Array]) -> None:
        for view, state in zip(self._states, states, strict=True):
            view[...] = state

    def _refusal(self, frames: Sequence[Array]) -> FrameError:
        for frame, port in zip(frames, self.interface.inputs, strict=True):
            check_values(frame, real_port(port) if frame.dtype != port.dtype else port)
        return FrameError("an index computed from the frame is outside its table; the state is unchanged")


def _check_layout(frame: Array, port: Port) -> None:
    if frame.shape != port.shape or frame.dtype != port.dtype or not frame.flags.c_contiguous:
        raise FrameError(
            f"input {port.name!r}: a C-contiguous {port.dtype} array of shape {port.shape} expected, "
            f"found {frame.dtype} {frame.shape}"
        )


def missing() -> MissingExtraError | None:
    """Whether numba is installed."""
    if importlib.util.find_spec("numba") is None:
        return MissingExtraError("numba", "numba", "the numba engine")
    return None


def open(path: Path) -> NumbaEngine:
    """Load an .ern file."""
    return NumbaEngine(*read_ern(path, OPS))


def of_program(interface: Interface, graph: Graph) -> NumbaEngine:
    """The engine of a step program in memory, as a stage of a segment is."""
    return NumbaEngine(interface, graph)
