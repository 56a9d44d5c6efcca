"""What the rules of quantization share: scales, ranges, the graph under construction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Node
from edgernn.ir.op import Array
from edgernn.ops.integer.arithmetic import saturated
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, RescaleInt16
from edgernn.quant.fixed_point import multiplier_and_shift
from edgernn.quant.ranges import Range
from edgernn.quant.schemes import Scheme

INTEGER_MAX = {"int16": 32767, "int8": 127}
"""Dtype -> largest value."""

Q15 = 2.0**-15
Q12 = 2.0**-12
HEADROOM = 1.02

LARGEST_STEP = 4096.0
"""By how much one rescaling makes the unit finer."""


SMALLEST_BOUND = 1e-25
LARGEST_EXPONENT = 16000.0
"""Largest unit of what exp is taken of, in units of Q3.12: one unit is a factor of more than e^3 anyway."""


def unit_of(bound: float, dtype: str = "int16") -> float:
    """Real value of one unit of a value of this largest magnitude; as if that were 1 where only zeros were seen."""
    return (max(bound, SMALLEST_BOUND) if bound else 1.0) / INTEGER_MAX[dtype]


@dataclass
class Context:
    """State of one quantization.

    ranges  of the values of the float graph
    scales  real value of one unit, of the values of the new graph
    scheme  of all nodes but those named in ``overrides``
    narrow  values of the float graph that become int8
    given   values of the float graph whose scale is settled
    plain   values of the float graph that hold integers as they are
    states  float name of a state's value -> its scale
    kept    float name of a value of which a state keeps frames for layers that read them too -> the scale of that state
    exact   float name of a state's value that holds int32 numbers without a scale -> what it is at first
    exact_after  float name of the value of such a state after the step -> name in the new graph
    producers    float name -> node of the float graph that computes it
    names        float name -> name in the new graph, of what is computed already
    """

    builder: Builder
    ranges: Mapping[str, Range]
    scheme: Scheme
    constants: Mapping[str, Array]
    overrides: Mapping[str, Scheme] = field(default_factory=dict)
    narrow: frozenset[str] = frozenset()
    given: Mapping[str, float] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    scales: dict[str, float] = field(default_factory=dict)
    states: dict[str, float] = field(default_factory=dict)
    kept: dict[str, float] = field(default_factory=dict)
    exact: dict[str, int] = field(default_factory=dict)
    exact_after: dict[str, str] = field(default_factory=dict)
    producers: Mapping[str, Node] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def scheme_of(self, node: Node) -> Scheme:
        """The scheme of a node of the float graph."""
        return self.overrides.get(node.name, self.scheme)

    def levels(self, node: Node) -> int:
        """Largest weight of a node of the float graph."""
        return self.scheme_of(node).weight_levels

    def dtype_of(self, float_name: str) -> str:
        """What a value of the float graph becomes: int8 or int16."""
        return "int8" if float_name in self.narrow else "int16"

    def scale_of(self, float_name: str, dtype: str = "int16") -> float:
        """The scale that covers the range seen at calibration, or the one that was settled before."""
        if float_name in self.given and dtype == self.dtype_of(float_name):
            return self.given[float_name]
        return unit_of(self.bound(float_name, dtype) * HEADROOM, dtype)

    def bound(self, float_name: str, dtype: str = "int16") -> float:
        """The largest magnitude seen at calibration, or that of a constant."""
        if float_name in self.constants:
            return float(np.abs(self.constants[float_name]).max(initial=0.0))
        found = self.ranges[float_name]
        return found.bound if dtype == "int16" else found.narrow_bound

    def put(self, name: str, scale: float) -> str:
        """Note the scale of a new value."""
        self.scales[name] = scale
        return name

    def constant(self, array: Array, hint: str) -> str:
        """An integer constant."""
        return self.builder.constant(array, hint)

    def int16_constant(self, array: Array, hint: str) -> str:
        """A float constant as int16 of its own scale."""
        scale = unit_of(float(np.abs(array).max()))
        return self.put(self.builder.constant(np.round(array / scale).astype(np.int16), hint), scale)

    def constant_in_units_of(self, name: str, array: Array, hint: str) -> str:
        """A float constant in the units and the dtype of a value of the new graph."""
        scale, dtype = self.scales[name], self.width(name)
        integers = saturated(np.round(array.astype(np.float64) / scale), dtype).astype(dtype)
        return self.put(self.builder.constant(integers, hint), scale)

    def is_plain(self, float_name: str) -> bool:
        """Whether a value of the float graph holds integers as they are."""
        return float_name in self.plain

    def width(self, name: str) -> str:
        """The dtype of a value of the new graph."""
        return self.builder.graph.values[name].dtype

    def rescaled(self, name: str, scale: float, hint: str = "", dtype: str = "int16") -> str:
        """``name`` in units of ``scale``, as ``dtype``."""
        if math.isclose(self.scales[name], scale, rel_tol=1e-9) and self.width(name) == dtype:
            return name
        while self.scales[name] / scale > LARGEST_STEP:
            name = self.rescaled(name, self.scales[name] / LARGEST_STEP, hint)
        (multiplier,), shift = multiplier_and_shift([self.scales[name] / scale], MULTIPLIER_MAX + 1)
        op, hint = RescaleInt16(multiplier, shift, dtype), hint or f"{name}_rescaled"
        if name in self.builder.graph.constants:
            return self.put(self.builder.constant(op.reference(self.builder.graph.constants[name])[0], hint), scale)
        return self.put(self.builder.add1(op, [name], hint), scale)

    def wide(self, name: str) -> str:
        """``name`` as int16: an int8 value times 256, exactly."""
        return name if self.width(name) == "int16" else self.rescaled(name, self.scales[name] / 256, f"{name}_wide")

    def operand(self, node: Node, inputs: Sequence[str], k: int) -> str:
        """Operand k of a node as an int16 value of the new graph."""
        if node.inputs[k] in self.constants and inputs[k] not in self.scales:
            return self.int16_constant(self.constants[node.inputs[k]], node.inputs[k])
        return self.wide(inputs[k])

    def narrow_scale(self, node: Node, inputs: Sequence[str], k: int) -> float:
        """The scale of operand k of a node as int8: its own, where it is int8."""
        if self.width(inputs[k]) == "int8":
            return self.scales[inputs[k]]
        if node.inputs[k] in self.constants:
            return self.scales[inputs[k]] * INTEGER_MAX["int16"] / INTEGER_MAX["int8"]
        return self.scale_of(node.inputs[k], "int8")

    def activation(self, node: Node, inputs: Sequence[str], k: int = 0) -> str:
        """Operand k of a node as what the products of its scheme take."""
        x = self.operand(node, inputs, k) if node.inputs[k] in self.constants else inputs[k]
        dtype = self.scheme_of(node).activation_dtype
        if dtype == "int16":
            return self.wide(x)
        if self.width(x) == dtype:
            return x
        return self.rescaled(x, self.narrow_scale(node, [*inputs[:k], x], k), f"{x}_narrow", dtype)

    def weight(self, node: Node, k: int) -> Array:
        """Operand k of a node, which is a constant of the float graph, in float64."""
        return self.constants[node.inputs[k]].astype(np.float64)

    def rms(self, float_name: str) -> float:
        """Root mean square of a value of the float graph."""
        return self.ranges[float_name].rms
