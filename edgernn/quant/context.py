"""What the rules of quantization share: scales, ranges, the graph under construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, RescaleInt16
from edgernn.quant.fixed_point import multiplier_and_shift
from edgernn.quant.ranges import Range

INT16_MAX = 32767
Q15 = 2.0**-15
Q12 = 2.0**-12
HEADROOM = 1.02


@dataclass
class Context:
    """State of one quantization.

    ranges  of the values of the float graph
    scales  real value of one unit, of the int16 values of the new graph
    levels  largest weight: 127 for int8, 7 for int4
    states  float name of a state's value -> its scale
    """

    builder: Builder
    ranges: Mapping[str, Range]
    levels: int
    constants: Mapping[str, Array]
    scales: dict[str, float] = field(default_factory=dict)
    states: dict[str, float] = field(default_factory=dict)

    def scale_of(self, float_name: str) -> float:
        """The scale that covers the range seen at calibration."""
        bound = self.ranges[float_name].bound
        return max(bound * HEADROOM, 1e-6) / INT16_MAX

    def put(self, name: str, scale: float) -> str:
        """Note the scale of a new value."""
        self.scales[name] = scale
        return name

    def constant(self, array: Array, hint: str) -> str:
        """An integer constant."""
        return self.builder.constant(array, hint)

    def int16_constant(self, array: Array, hint: str) -> str:
        """A float constant as int16 of its own scale."""
        scale = max(float(np.abs(array).max()), 1e-6) / INT16_MAX
        return self.put(self.builder.constant(np.round(array / scale).astype(np.int16), hint), scale)

    def rescaled(self, name: str, scale: float, hint: str = "") -> str:
        """``name`` in units of ``scale``."""
        if np.isclose(self.scales[name], scale, rtol=1e-9):
            return name
        (multiplier,), shift = multiplier_and_shift([self.scales[name] / scale], MULTIPLIER_MAX + 1)
        value = self.builder.add1(RescaleInt16(multiplier, shift), [name], hint or f"{name}_rescaled")
        return self.put(value, scale)

    def operand(self, node: Node, inputs: Sequence[str], k: int) -> str:
        """Operand k of a node as an int16 value of the new graph."""
        if node.inputs[k] in self.constants and inputs[k] not in self.scales:
            return self.int16_constant(self.constants[node.inputs[k]], node.inputs[k])
        return inputs[k]

    def weight(self, node: Node, k: int) -> Array:
        """Operand k of a node, which is a constant of the float graph, in float64."""
        return self.constants[node.inputs[k]].astype(np.float64)

    def rms(self, float_name: str) -> float:
        """Root mean square of a value of the float graph."""
        return self.ranges[float_name].rms
