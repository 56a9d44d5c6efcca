"""Runs .tflite files of whole segments: the frames of the longest one, and how many of them there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.errors import ArtifactError, EngineError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.engines import tflite


class TfliteRunner:
    """See ``edgernn.runtime.segment.Runner``. The interpreter reads weights from ``data``."""

    name = "tflite"

    def __init__(self, interface: Interface, interpreter: Any, data: bytes, where: str) -> None:
        self.interface, self._interpreter, self._data = interface, interpreter, data
        self._where = where
        self.buffer_bytes, self.state_bytes = interface.memory
        most = (interface.max_frames or 0) // interface.hop
        steps = Port("steps", (), "int32", kind="static")
        self._inputs = _indices(interpreter.get_input_details(), [*interface.inputs, steps], most, where)
        self._outputs = _indices(interpreter.get_output_details(), interface.outputs, most, where)
        self._given = [np.zeros(_shape(p, most), p.dtype) for p in (*interface.inputs, steps)]

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """As ``Runner.run``."""
        for given, array, port in zip(self._given, inputs, self.interface.inputs, strict=False):
            given[: count if port.kind == "frame" else 1] = array
        self._given[-1][...] = count
        for index, given in zip(self._inputs, self._given, strict=True):
            self._interpreter.set_tensor(index, given)
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise EngineError(f"{self._where}: TensorFlow Lite failed in a segment: {error}") from None
        results = [self._interpreter.get_tensor(index) for index in self._outputs]
        return [
            array[:count] if port.kind == "frame" else array[0]
            for array, port in zip(results, self.interface.outputs, strict=True)
        ]

    def close(self) -> None:
        """Release the interpreter."""
        self._interpreter = None


def open_file(path: Path) -> tflite.TfliteEngine | TfliteRunner:
    """Load a .tflite file, of a step program or of a model of whole segments. Raises as ``tflite.read_tflite``."""
    interface, interpreter, package, data = tflite.read_tflite(path)
    if interface.max_frames is None:
        return tflite.engine_of(interface, interpreter, package, data, str(path))
    return TfliteRunner(interface, interpreter, data, str(path))


def _shape(port: Port, most: int) -> tuple[int, ...]:
    return (most if port.kind == "frame" else 1, *port.shape)


def _indices(details: Sequence[Any], ports: Sequence[Port], most: int, where: str) -> list[int]:
    """Of the tensors in the interpreter. Raises ArtifactError where they do not fit the interface."""
    found = [(tuple(d["shape"].tolist()), np.dtype(d["dtype"]).name) for d in details]
    wanted = [(_shape(p, most), p.dtype) for p in ports]
    if found != wanted:
        raise ArtifactError(f"{where}: the metadata announces {wanted}, the program has {found}")
    return [d["index"] for d in details]
