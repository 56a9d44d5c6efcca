"""In which order the values of many steps can be computed at once, although states pass from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from edgernn.ir.graph import Graph, Node, State
from edgernn.ir.op import Array
from edgernn.ops.select import Select
from edgernn.ops.shape import Concat, Slice


@dataclass(frozen=True)
class Shifted:
    """A state that holds the last frames of ``source``: each step drops as many as come, along the first axis."""

    source: str


@dataclass(frozen=True)
class Plan:
    """Nodes and names of states in the order in which they become known.

    shifted  name of a state's value -> where its frames come from
    copied   name of a state's value -> the value that it was in the step before
    kept     names of states' values that stay as they are
    """

    order: list[Node | str]
    shifted: dict[str, Shifted]
    copied: dict[str, str]
    kept: frozenset[str]

    def series(self, name: str, values: Mapping[str, Array], start: Array, count: int) -> Array:
        """A state in each of ``count`` steps; ``start`` is what it is in the first."""
        if name in self.kept:
            return np.broadcast_to(start, (count, *start.shape))
        if name in self.copied:
            after = values[self.copied[name]]
            rest = np.broadcast_to(after, (count, *after.shape[1:]))[:-1]
            return np.concatenate([start[None], rest])
        new = values[self.shifted[name].source]
        new = np.broadcast_to(new, (count, *new.shape[1:]))
        rows = np.concatenate([start, new.reshape(-1, *start.shape[1:])])
        found: Array = rows[np.arange(count)[:, None] * new.shape[1] + np.arange(len(start))]
        return found


def plan(graph: Graph) -> Plan | None:
    """The order, or None where a state passes through ordinary ops and back to itself, or where nodes that carry one
    begin anew in each step, or go on from each other within it."""
    producers, readers = graph.producers(), graph.consumers()
    shifted: dict[str, Shifted] = {}
    copied: dict[str, str] = {}
    kept, carried = set(), set()
    for state in graph.states:
        found = _shifted(state, producers, graph)
        if state.after == state.before:
            kept.add(state.before)
        elif _is_carried(state, producers, readers.get(state.before, []), graph):
            carried.add(state.before)
        elif found is not None:
            shifted[state.before] = found
        else:
            copied[state.before] = state.after
    if any(node.inputs[k] not in carried for node in graph.nodes for k, _ in node.op.carried):
        return None
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node in graph.nodes:
        for output in node.outputs:
            sorter.add(output, *node.inputs)
    for name, source in shifted.items():
        sorter.add(name, source.source)
    for name, after in copied.items():
        sorter.add(name, after)
    try:
        names = list(sorter.static_order())
    except CycleError:
        return None
    return Plan(_order(names, producers, {*shifted, *copied, *kept}), shifted, copied, frozenset(kept))


def _order(names: list[str], producers: Mapping[str, Node], states: set[str]) -> list[Node | str]:
    order: list[Node | str] = []
    done: set[str] = set()
    for name in names:
        node = producers.get(name)
        if node is not None and node.name not in done:
            done.add(node.name)
            order.append(node)
        elif node is None and name in states:
            order.append(name)
    return order


def _shifted(state: State, producers: Mapping[str, Node], graph: Graph) -> Shifted | None:
    """Whether the next value is the end of what is joined after the state."""
    cut = producers.get(state.after)
    joined = producers.get(cut.inputs[0]) if cut is not None and isinstance(cut.op, Slice) else None
    if cut is None or not isinstance(cut.op, Slice) or joined is None or not isinstance(joined.op, Concat):
        return None
    axis = -len(state.shape)
    if joined.op.axis != axis or cut.op.axis != axis or len(joined.inputs) != 2 or joined.inputs[0] != state.before:
        return None
    source = joined.inputs[1]
    come = graph.values[source].shape[axis]
    return Shifted(source) if cut.op == Slice(axis, come, come + state.shape[0]) else None


def _is_carried(state: State, producers: Mapping[str, Node], readers: list[Node], graph: Graph) -> bool:
    """Whether it is read only as a carried operand of the node that computes its next value, and by choices between the
    two."""
    if state.before in {p.value for p in graph.outputs}:
        return False
    name, choices = state.after, list[Node]()
    node = producers.get(name)
    while node is not None and isinstance(node.op, Select):
        choices.append(node)
        name = node.inputs[1]
        node = producers.get(name)
    others = [n for n in readers if n not in choices]
    if choices and not others:
        return True
    if node is None or others != [node] or node.inputs.count(state.before) != 1:
        return False
    return (state.before, name) in [(node.inputs[i], node.outputs[o]) for i, o in node.op.carried]
