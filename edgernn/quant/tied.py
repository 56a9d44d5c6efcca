"""Layers that run more than once in a step: their weights have one integer form, so their values have one range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ops import Gru, Lstm, Reshape, Rnn, Slice, Transpose
from edgernn.quant.ranges import Range

RECURRENT = (Lstm, Gru, Rnn)


def tied(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """``ranges``, where what goes into and comes from nodes of the same recurrent layer has the range of all of it.

    Constants from which such nodes start have one too.
    """
    found = dict(ranges)
    for node in (n for n in graph.nodes if isinstance(n.op, RECURRENT)):
        for position, _ in node.op.carried:
            name = node.inputs[position]
            if name in graph.constants:
                array = np.abs(graph.constants[name].astype(np.float64))
                peak = float(array.max(initial=0.0))
                found[name] = Range(peak, peak, float(np.sqrt(np.mean(np.square(array)))), peak)
    for names in _sets(graph):
        joined = _joined([found[name] for name in names if name in found])
        found.update(dict.fromkeys(names, joined))
    return found


def _joined(ranges: Sequence[Range]) -> Range:
    rms = float(np.sqrt(np.mean([r.rms**2 for r in ranges])))
    bound, peak, narrow = (max(getattr(r, name) for r in ranges) for name in ("bound", "peak", "narrow_bound"))
    return Range(bound, peak, rms, narrow)


def _sets(graph: Graph) -> list[list[str]]:
    """Values that have one range: those at the same place of nodes with the same op and weights, and what is carried
    from one of them to the next."""
    sets: dict[str, list[str]] = {}
    for nodes in repeated(graph):
        carried = dict(nodes[0].op.carried)
        groups = [[n.inputs[0] for n in nodes], *([n.outputs[k] for n in nodes] for k in range(len(nodes[0].outputs)))]
        for position, output in carried.items():
            groups[1 + output] += [n.inputs[position] for n in nodes]
        for group in groups:
            _unite(sets, group)
    return list({id(s): s for s in sets.values()}.values())


def repeated(graph: Graph) -> list[list[Node]]:
    """Nodes of each recurrent layer that runs more than once in a step."""
    layers: dict[tuple[object, ...], list[Node]] = {}
    for node in (n for n in graph.nodes if isinstance(n.op, RECURRENT)):
        states = [node.inputs[position] for position, _ in node.op.carried]
        weights = [name for name in node.inputs if name in graph.constants and name not in states]
        layers.setdefault((node.op, *weights), []).append(node)
    return [nodes for nodes in layers.values() if len(nodes) > 1]


def in_units_of_states(graph: Graph, states: Mapping[str, float]) -> dict[str, float]:
    """Values of which such layers read frames, where they read older ones from a state: the scale of that state.

    ``states`` are scales of states, by the names of their values.
    """
    producers, found = graph.producers(), dict[str, float]()
    for nodes in repeated(graph):
        sources = {_moved(producers, node.inputs[0]) for node in nodes}
        scales = {states[name] for name in sources if name in states}
        if len(scales) == 1:
            found.update(dict.fromkeys(sources - states.keys(), scales.pop()))
    return found


def _moved(producers: Mapping[str, Node], name: str) -> str:
    """What a value is a part of."""
    while name in producers and isinstance(producers[name].op, Reshape | Slice | Transpose):
        name = producers[name].inputs[0]
    return name


def _unite(sets: dict[str, list[str]], names: Sequence[str]) -> None:
    whole: list[str] = []
    for name in names:
        for other in sets.get(name, [name]):
            if other not in whole:
                whole.append(other)
    sets.update(dict.fromkeys(whole, whole))
