"""An ONNX file, run by ONNX Runtime, as the reference of what was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from edgernn.capture import Captured
from edgernn.capture.onnx import OnnxModel
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.validation.onnx_original import Original
from edgernn.validation.reference import Frames, Reference


class OnnxReference(Reference):
    """Outputs come from the file itself; only how large rounding may be comes from the module that was made of it."""

    original = "ONNX"

    def __init__(self, model: OnnxModel, captured: Captured, program: Graph) -> None:
        """Raises MissingExtraError without onnxruntime, UsageError where it cannot load the file."""
        super().__init__(model.module, captured, program)
        self._read = Reference(model.module, captured, program)
        self._original = Original(model)

    def run(self, frames: Frames, states: Mapping[str, Array] | None = None, double: bool = False) -> dict[str, Array]:
        """As of Reference; ``double`` is what the module computes in float64."""
        return self._read.run(frames, states, double=True) if double else super().run(frames, states)

    def rounding(self, frames: Frames, results: Mapping[str, Array]) -> dict[str, float]:
        """Between the module in float32 and in float64, so that no error of reading the file counts as rounding."""
        return super().rounding(frames, self._read.run(frames))

    def _results(self, module: torch.nn.Module, leaves: list[Any], length: int) -> list[Any]:
        return self._original.run([t.numpy() for t in leaves], length)
