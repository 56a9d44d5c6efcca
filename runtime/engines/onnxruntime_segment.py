"""Runs .onnx files of whole segments with ONNX Runtime, in one thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgernn.errors import EngineError
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.op import Array
from edgernn.runtime.engines.onnxruntime import OnnxRuntimeEngine
from edgernn.runtime.engines.onnxruntime_call import brief, read_onnx


class OnnxRunner:
    """See ``edgernn.runtime.segment.Runner``."""

    name = "onnxruntime"

    def __init__(self, interface: Interface, session: Any, where: str) -> None:
        self.interface, self._session, self._where = interface, session, where
        self.buffer_bytes, self.state_bytes = interface.memory
        self._inputs = [value.name for value in session.get_inputs()]

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """As ``Runner.run``."""
        given = {
            name: array.reshape((count if port.kind == "frame" else 1, *(1,) * (LEAD - 1), *port.shape))
            for name, array, port in zip(self._inputs, inputs, self.interface.inputs, strict=True)
        }
        try:
            results = self._session.run(None, given)
        except Exception as error:
            raise EngineError(f"{self._where}: onnxruntime failed in a segment: {brief(error)}") from None
        return [
            array.reshape((count, *port.shape) if port.kind == "frame" else port.shape)
            for array, port in zip(results, self.interface.outputs, strict=True)
        ]

    def close(self) -> None:
        """Release the session of ONNX Runtime."""
        self._session = None


def open_file(path: Path) -> OnnxRuntimeEngine | OnnxRunner:
    """Load an .onnx file, of a step program or of a model of whole segments. Raises as ``read_onnx``."""
    interface, session = read_onnx(path)
    kind = OnnxRuntimeEngine if interface.max_frames is None else OnnxRunner
    return kind(interface, session, str(path))
