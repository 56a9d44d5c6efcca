"""Rewrites a float step program to integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.builder import Builder
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.passes.rewrite import rewrite
from edgernn.passes.simplify import simplify
from edgernn.quant.context import Context
from edgernn.quant.ranges import Range, collect_ranges
from edgernn.quant.recurrent import plan_states
from edgernn.quant.rules import lower

SCHEMES: dict[str, int] = {"int16x8": 127}
"""Scheme -> largest weight."""


@dataclass(frozen=True)
class Quantized:
    """An integer step program.

    scales  value of the integer graph -> real value of one unit
    ranges  value of the float graph -> range at calibration
    names   value of the float graph -> value of the integer graph that holds it
    """

    graph: Graph
    scales: dict[str, float]
    ranges: dict[str, Range]
    names: dict[str, str]


def quantize(
    graph: Graph, calibration: Sequence[Mapping[str, Array]], scheme: str = "int16x8", method: str = "minmax"
) -> Quantized:
    """``graph``, a float32 step program, in integers: int16 values and states, int8 weights.

    calibration  sequences of real input, each a dict of input name -> [T, *frame shape]
    scheme       a key of SCHEMES
    method       "minmax", "percentile" or "mse": how ranges become scales

    Ports become int16 with a ``scale``; integer ports (indices) stay as they are. Raises UnsupportedOpError for a
    node that has no integer form.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"scheme {scheme!r}; schemes are {', '.join(SCHEMES)}")
    ranges = collect_ranges(graph, calibration, method)
    ctx = Context(Builder(graph), ranges, SCHEMES[scheme], graph.constants)
    plan_states(ctx, graph)
    names: dict[str, str] = {}
    new = rewrite(_integer_ports(ctx, graph), _Rule(ctx, names))
    ctx.builder = Builder(new)
    _close(ctx, new)
    new.scheme = scheme
    result = simplify(new)
    check_graph(result)
    return Quantized(result, ctx.scales, ranges, names)


def _integer_ports(ctx: Context, graph: Graph) -> Graph:
    """A copy whose float ports and states are int16."""
    new = graph.copy()
    for k, port in enumerate(graph.inputs):
        if port.dtype == "float32":
            scale = ctx.scale_of(port.value)
            ctx.put(port.value, scale)
            new.inputs[k] = replace(port, dtype="int16", scale=scale)
            new.values[port.value] = replace(graph.values[port.value], dtype="int16")
    for k, state in enumerate(graph.states):
        scale = ctx.states[state.before]
        ctx.put(state.before, scale)
        initial = np.clip(np.round(state.initial / scale), -32768, 32767).astype(np.int16)
        new.states[k] = replace(state, dtype="int16", initial=initial, scale=scale)
        new.values[state.before] = replace(graph.values[state.before], dtype="int16")
    return new


class _Rule:
    def __init__(self, ctx: Context, names: dict[str, str]) -> None:
        self.ctx, self.names = ctx, names

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str]:
        self.ctx.builder = builder
        outputs = lower(node.op, self.ctx, node, inputs)
        self.names.update(zip(node.outputs, outputs, strict=True))
        return outputs


def _close(ctx: Context, graph: Graph) -> None:
    """Bring next states to the scales of the states, and note the scales of the outputs."""
    for k, state in enumerate(graph.states):
        after = ctx.rescaled(state.after, ctx.states[state.before], f"{state.name}_next")
        graph.states[k] = replace(state, after=after)
    for k, port in enumerate(graph.outputs):
        value = graph.values[port.value]
        scale = ctx.scales.get(port.value)
        graph.outputs[k] = replace(port, dtype=value.dtype, scale=scale)
