"""Quantizes models of whole segments: their stages, which agree on the integers that pass between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgernn.errors import UsageError
from edgernn.ir.graph import Graph, Port
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, Stage
from edgernn.ops.stages import stage_frames, stage_values
from edgernn.quant.composed import in_ops_with_integer_forms
from edgernn.quant.layers import choices, matches, schemes_of
from edgernn.quant.narrow import narrow_values
from edgernn.quant.quantize import Quantized, quantize
from edgernn.quant.ranges import Observations, observe
from edgernn.quant.schemes import scheme_named
from edgernn.quant.weights8 import quantize_weights

Given = dict[str, tuple[str, float]]
"""Name of a value that passes between stages -> its dtype and the real value of one unit."""


@dataclass(frozen=True)
class QuantizedSegment:
    """A model of whole segments in integers.

    floats    the float model that it was made of, in ops that have integer forms
    stages    what is known of each stage
    """

    segment: Segment
    floats: Segment
    stages: list[Quantized]


@dataclass(frozen=True)
class ObservedSegment:
    """A float model of whole segments in ops that have integer forms, and what calibration has seen in each stage."""

    floats: Segment
    observations: list[Observations]


def quantize_segment(
    segment: Segment, calibration: Sequence[Mapping[str, Array]], scheme: str, method: str = "minmax",
    layers: Mapping[str, str] | None = None,
) -> QuantizedSegment:  # fmt: skip
    """``segment`` in integers. ``calibration`` are segments of real input: input name -> [n, *shape], or [*shape] for
    a static input; the rest is as for ``edgernn.quant.quantize``.

    A value that passes between stages has the integers of the stage that computes it; an input of the model has those
    that suit all its readers.
    """
    check_patterns(segment.stages, layers or {})
    return quantize_observed(observe_segment(segment, calibration), scheme, method, layers)


def observe_segment(segment: Segment, calibration: Sequence[Mapping[str, Array]]) -> ObservedSegment:
    """Run ``segment`` over ``calibration``, as for ``quantize_segment``."""
    floats = replace(segment, stages=[replace(s, graph=in_ops_with_integer_forms(s.graph)) for s in segment.stages])
    named = [{p.value: sequence[p.name] for p in segment.inputs} for sequence in calibration]
    runs = [stage_values(floats.stages, values, "float32") for values in named]
    frames = [[stage_frames(stage, values) for values in runs] for stage in floats.stages]
    return ObservedSegment(floats, [observe(s.graph, f) for s, f in zip(floats.stages, frames, strict=True)])


def quantize_observed(
    observed: ObservedSegment, scheme: str, method: str = "minmax", layers: Mapping[str, str] | None = None, *,
    given: Given | None = None, wanted: Given | None = None,
) -> QuantizedSegment:  # fmt: skip
    """As ``quantize_segment``. ``given`` are dtype and scale that inputs have already, ``wanted`` those that values
    are brought to which are outputs of the model."""
    layers, floats = dict(layers or {}), observed.floats
    wide, given = _wide_inputs(floats, scheme, layers), dict(given or {})
    found = []
    for stage, observations in zip(floats.stages, observed.observations, strict=True):
        matching = _matching(stage.graph, layers)
        quantized = quantize(
            stage.graph, observations, scheme, method, matching, given=given, wanted=wanted, wide=wide
        )
        found.append(quantized)
        for port in (*quantized.graph.inputs, *quantized.graph.outputs):
            if port.scale is not None:
                given.setdefault(port.name, (port.dtype, port.scale))
    return QuantizedSegment(_joined(floats, [q.graph for q in found]), floats, found)


def quantize_segment_weights(segment: Segment) -> Segment:
    """``segment`` with the matrices of all layers in int8."""
    return _joined(segment, [quantize_weights(stage.graph) for stage in segment.stages])


def _joined(segment: Segment, graphs: Sequence[Graph]) -> Segment:
    """The stages with other programs, and ports of the model as these have them."""
    stages = [replace(old, graph=graph) for graph, old in zip(graphs, segment.stages, strict=True)]
    known = {p.name: p for graph in graphs for p in (*graph.inputs, *graph.outputs)}

    def port(old: Port) -> Port:
        new = known.get(old.value, old)
        return replace(old, dtype=new.dtype, scale=new.scale)

    schemes = dict.fromkeys(name for graph in graphs for name in graph.scheme.split("+"))
    return replace(
        segment, stages=stages, inputs=[port(p) for p in segment.inputs], outputs=[port(p) for p in segment.outputs],
        scheme="+".join(schemes),
    )  # fmt: skip


def _wide_inputs(segment: Segment, scheme: str, layers: Mapping[str, str]) -> frozenset[str]:
    """Inputs of the model that some stage needs as int16."""
    wide: set[str] = set()
    for stage in segment.stages:
        overrides = schemes_of(choices(stage.graph, _matching(stage.graph, layers)))
        chosen = scheme_named(scheme)
        narrow = narrow_values(stage.graph, lambda node, o=overrides, c=chosen: o.get(node.name, c))  # type: ignore[misc]
        wide.update(p.name for p in stage.graph.inputs if p.value not in narrow)
    return frozenset(wide)


def _matching(graph: Graph, layers: Mapping[str, str]) -> dict[str, str]:
    return {pattern: text for pattern, text in layers.items() if matches(graph, pattern)}


def check_patterns(stages: Sequence[Stage], layers: Mapping[str, str]) -> None:
    """Raise UsageError for a pattern that matches no layer."""
    for pattern in layers:
        if not any(matches(stage.graph, pattern) for stage in stages):
            names = dict.fromkeys(node.name for stage in stages for node in stage.graph.nodes)
            raise UsageError(f"layer override {pattern!r} matches no layer; layers are {', '.join(names)}")
