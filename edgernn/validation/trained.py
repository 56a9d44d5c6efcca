"""A module that was trained with its integers, in floating point, as the reference of these integers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.quant.qat.module import QatModule
from edgernn.validation.reference import Frames, Reference


class TrainedReference(Reference):
    """Computes with the trained weights what the module computes without rounding anything."""

    def __init__(self, module: QatModule, program: Graph) -> None:
        super().__init__(module, module.layout.captured, program)
        self.trained = module

    def run(self, frames: Frames, states: Mapping[str, Array] | None = None, double: bool = False) -> dict[str, Array]:
        """As of Reference; such modules take no states."""
        values = self.trained.run_float(frames, torch.float64 if double else torch.float32)
        kinds = {output.port: output.time for output in self.captured.outputs}
        return {n: np.asarray(v if kinds[n] is not None else v[-1]) for n, v in values.items()}
