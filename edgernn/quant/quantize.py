"""Rewrites a float step program to integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgernn.ir.builder import Builder
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ops.integer.arithmetic import saturated
from edgernn.passes.simplify import simplify
from edgernn.quant.context import Context
from edgernn.quant.layers import choices, methods_of, scheme_label, schemes_of
from edgernn.quant.narrow import narrow_values
from edgernn.quant.ranges import Observations, Range, observe
from edgernn.quant.recurrent import plan_states
from edgernn.quant.rules import lower
from edgernn.quant.running import exact_initial
from edgernn.quant.schemes import scheme_named
from edgernn.quant.tied import in_units_of_states, tied


@dataclass(frozen=True)
class Quantized:
    """An integer step program.

    traced   the program before it was simplified: it computes the same, and every value of ``names`` is in it
    scales   value of ``traced`` -> real value of one unit
    ranges   value of the float graph -> range at calibration
    names    value of the float graph -> value of ``traced`` that holds it
    schemes  node of the float graph -> name of its scheme
    """

    graph: Graph
    traced: Graph
    scales: dict[str, float]
    ranges: dict[str, Range]
    names: dict[str, str]
    schemes: dict[str, str]


def quantize(
    graph: Graph,
    calibration: Sequence[Mapping[str, Array]] | Observations,
    scheme: str = "int16x8",
    method: str = "minmax",
    layers: Mapping[str, str] | None = None,
    *,
    given: Mapping[str, tuple[str, float]] | None = None,
    wanted: Mapping[str, tuple[str, float]] | None = None,
    wide: frozenset[str] = frozenset(),
) -> Quantized:
    """``graph``, a float32 step program, in integers.

    calibration  sequences of real input, each a dict of input name -> [T, *frame shape]; or what ``observe`` saw
    scheme       a name in ``schemes.SCHEMES``
    method       "minmax", "percentile" or "mse": how ranges become scales
    layers       pattern of node names -> "SCHEME", "SCHEME:METHOD" or ":METHOD", for these nodes alone
    given        name of an input -> dtype and scale that it has already; inputs that it does not name are chosen
    wanted       name of an output -> dtype and scale that it is brought to
    wide         names of inputs that become int16 whatever reads them

    Ports become int16, or int8 as ``narrow_values`` says, with a ``scale``; integer ports (indices) stay as they are.
    Raises UnsupportedOpError for a node that has no integer form, UsageError for a pattern that matches no node.
    """
    chosen, found = scheme_named(scheme), choices(graph, layers or {})
    observed = calibration if isinstance(calibration, Observations) else observe(graph, calibration)
    ranges = tied(graph, observed.ranges(method, methods_of(graph, found)))
    ctx = Context(Builder(graph), ranges, chosen, graph.constants, schemes_of(found))
    known = {port.value: given[port.name] for port in graph.inputs if given and port.name in given}
    ctx.given = {name: scale for name, (_, scale) in known.items()}
    kept = {port.value for port in graph.inputs if port.name in wide} | set(known)
    ctx.narrow = narrow_values(graph, ctx.scheme_of) - kept | {n for n, (dtype, _) in known.items() if dtype == "int8"}
    ctx.plain = frozenset(name for name, value in graph.values.items() if value.dtype == "int32")
    ctx.producers = {name: node for node in graph.nodes for name in node.outputs}
    plan_states(ctx, graph)
    ctx.kept = in_units_of_states(graph, ctx.states)
    new = rewrite(_integer_ports(ctx, graph), _Rule(ctx))
    ctx.builder = Builder(new)
    _close(ctx, new, graph, wanted or {})
    schemes = {node.name: ctx.scheme_of(node).name for node in graph.nodes}
    new.scheme = scheme_label(graph, schemes) or scheme
    result = simplify(new)
    check_graph(result)
    return Quantized(result, new, ctx.scales, ranges, ctx.names, schemes)


def _integer_ports(ctx: Context, graph: Graph) -> Graph:
    """A copy whose float ports and states are integers."""
    new = graph.copy()
    for k, port in enumerate(graph.inputs):
        if port.dtype == "float32":
            dtype = ctx.dtype_of(port.value)
            scale = ctx.scale_of(port.value, dtype)
            ctx.put(port.value, scale)
            new.inputs[k] = replace(port, dtype=dtype, scale=scale)
            new.values[port.value] = replace(graph.values[port.value], dtype=dtype)
    for k, state in enumerate(graph.states):
        if ctx.is_plain(state.before):
            continue
        if state.before in ctx.exact:
            initial = exact_initial(state.shape, ctx.exact[state.before])
            new.states[k] = replace(state, dtype="int32", initial=initial)
            new.values[state.before] = replace(graph.values[state.before], dtype="int32")
            continue
        scale, dtype = ctx.states[state.before], ctx.dtype_of(state.before)
        ctx.put(state.before, scale)
        initial = saturated(np.round(state.initial.astype(np.float64) / scale), dtype).astype(dtype)
        new.states[k] = replace(state, dtype=dtype, initial=initial, scale=scale)
        new.values[state.before] = replace(graph.values[state.before], dtype=dtype)
    return new


class _Rule:
    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def __call__(self, node: Node, builder: Builder, inputs: Sequence[str]) -> Sequence[str]:
        self.ctx.builder = builder
        found = lower(node.op, self.ctx, node, inputs)
        outputs = [self._kept(name, output) for name, output in zip(node.outputs, found, strict=True)]
        self.ctx.names.update(zip(node.outputs, outputs, strict=True))
        return outputs

    def _kept(self, name: str, output: str) -> str:
        ctx = self.ctx
        return ctx.rescaled(output, ctx.kept[name], dtype=ctx.width(output)) if name in ctx.kept else output


def _close(ctx: Context, graph: Graph, source: Graph, wanted: Mapping[str, tuple[str, float]]) -> None:
    """Bring next states to the scales of the states, outputs to those wanted, and note the scales of the outputs."""
    for k, state in enumerate(graph.states):
        if ctx.is_plain(state.before):
            continue
        if state.before in ctx.exact:
            graph.states[k] = replace(state, after=ctx.exact_after[source.states[k].after])
            continue
        after = ctx.rescaled(state.after, ctx.states[state.before], f"{state.name}_next", state.dtype)
        graph.states[k] = replace(state, after=after)
    for k, port in enumerate(graph.outputs):
        if port.name in wanted and port.value in ctx.scales:
            dtype, scale = wanted[port.name]
            port = replace(port, value=ctx.rescaled(port.value, scale, f"{port.name}_given_on", dtype))
            graph.outputs[k] = port
        value = graph.values[port.value]
        graph.outputs[k] = replace(port, dtype=value.dtype, scale=ctx.scales.get(port.value))
