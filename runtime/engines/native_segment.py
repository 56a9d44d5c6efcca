"""Runs the exported C of a model of whole segments, compiled as a shared library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgernn.errors import ArtifactError, EngineError, UsageError
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines.native import NativeEngine
from edgernn.runtime.engines.native_call import ALIGN_BYTES, refusal
from edgernn.runtime.engines.native_library import SegmentTable, Table, load_library


class LibraryRunner:
    """Of a .so file. See ``edgernn.runtime.segment.Runner``. The library stays loaded as long as the process."""

    name = "native"

    def __init__(self, interface: Interface, table: Table, segment: SegmentTable) -> None:
        self.interface = interface
        self.buffer_bytes, self.state_bytes = segment.buffer_bytes, segment.state_bytes
        self._run = segment.run
        self._memory = np.zeros(table.model_bytes + ALIGN_BYTES, np.uint8)
        self._model = self._memory.ctypes.data + -self._memory.ctypes.data % ALIGN_BYTES
        self._refuse = refusal(interface.inputs)
        table.reset(self._model)

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """As ``Runner.run``."""
        ports = self.interface.outputs
        outputs = [np.empty((count, *p.shape) if p.kind == "frame" else p.shape, p.dtype) for p in ports]
        status = self._run(self._model, count * self.interface.hop, _addresses(inputs), _addresses(outputs))
        if status:
            self._refuse(status, ())
        return outputs

    def close(self) -> None:
        """Release the memory of the model."""
        self._memory = np.zeros(0, np.uint8)


class DecoderLibrary(NativeEngine):
    """Of a .so file of two parts: steps of the decoder. See ``edgernn.runtime.seq2seq.Translator``."""

    def __init__(self, interface: Interface, handle: ctypes.CDLL, table: Table, segment: SegmentTable) -> None:
        super().__init__(interface, handle, table)
        self._encode = segment.run
        self._refuse = refusal(interface.encoder.inputs if interface.encoder else ())
        self._frames = self._caller.views[-1]

    def encode(self, inputs: Sequence[Array], count: int) -> None:
        """As ``Translator.encode``."""
        hop = self.interface.encoder.hop if self.interface.encoder else 1
        status = self._encode(self._caller.model_address, count * hop, _addresses(inputs), None)
        if status:
            self._refuse(status, ())

    def run(self, *frames: Array) -> tuple[Array, ...]:
        self._require_source()
        return super().run(*frames)

    def single(self) -> Callable[[Array], Array]:
        return self._checked(super().single())

    def single_real(self) -> Callable[[Array], Array]:
        return self._checked(super().single_real())

    def _checked(self, step: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def checked(frame: Array) -> Array:
            self._require_source()
            return step(frame)

        return checked

    def _require_source(self) -> None:
        if self._frames[0] < 1:
            raise UsageError("no source was read yet: session.encode(source) comes before steps")


def open_library(path: Path) -> NativeEngine | LibraryRunner:
    """Load a .so file, of a step program, of a model of whole segments or of two parts. Raises as ``load_library``."""
    interface, handle, table = load_library(path)
    whole = interface.encoder or interface
    if whole.max_frames is None:
        return NativeEngine(interface, handle, table)
    try:
        segment = SegmentTable.in_dll(handle, "ern_segment")
    except ValueError as error:
        raise EngineError(f"{path}: the library has no function for segments: {error}") from None
    if segment.max_frames != whole.max_frames:
        raise ArtifactError(f"{path}: code for {segment.max_frames} frames, the metadata says {whole.max_frames}")
    if interface.encoder is not None:
        return DecoderLibrary(interface, handle, table, segment)
    return LibraryRunner(interface, table, segment)


def _addresses(arrays: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
