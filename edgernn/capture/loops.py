"""Finds the steps of a Python loop over time in the graph of a module at one length.

Every node belongs to the step of the last frame that it depends on. The second step is the pattern, the third tells
what is carried from step to step, and all others must be the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from torch.fx import Graph, Node, map_arg
from torch.utils import _pytree as pytree

from edgernn.capture.unrolled import CAT, SELECT, SLICE, STACK, argument, key, key_of, value

LEAST_STEPS = 4
"""The pattern is a step that is neither the first nor the last, and so is the one after it."""


@dataclass(frozen=True)
class Frames:
    """A tensor of which all frames along an axis are taken one by one, by ``target``."""

    base: Node
    axis: int
    target: Any
    nodes: tuple[Node, ...]


def wave(first: Graph, second: Graph) -> tuple[list[Frames], list[Frames]]:
    """In the graphs of a module at two lengths, the frames of tensors that depend on the length, equally many of each,
    and do not depend on such frames themselves."""
    pairs = zip(_all_frames(first), _all_frames(second), strict=False)
    timed = [(a, b) for a, b in pairs if len(a.nodes) != len(b.nodes)]
    after = _reached(first, [n for a, _ in timed for n in a.nodes])
    ready = [(a, b) for a, b in timed if a.base not in after]
    ready = [(a, b) for a, b in ready if len(a.nodes) == len(ready[0][0].nodes)]
    return [a for a, _ in ready], [b for _, b in ready]


def _all_frames(graph: Graph) -> list[Frames]:
    groups: dict[tuple[Node, int, Any], dict[int, Node]] = defaultdict(dict)
    for node in graph.nodes:
        if node.target in (SELECT, SLICE) and len(node.args) >= 3:
            base = argument(node, 0)
            axis = argument(node, 1) % value(base).ndim
            if node.target is SELECT or value(node).shape[axis] == 1:
                groups[base, axis, node.target].setdefault(argument(node, 2) % value(base).shape[axis], node)
    return [
        Frames(base, axis, target, tuple(nodes[t] for t in range(len(nodes))))
        for (base, axis, target), nodes in groups.items()
        if len(nodes) == value(base).shape[axis] >= LEAST_STEPS
    ]


def _reached(graph: Graph, start: list[Node]) -> set[Node]:
    """What depends on these nodes."""
    found = set(start)
    for node in graph.nodes:
        if any(n in found for n in node.all_input_nodes):
            found.add(node)
    return found


@dataclass
class Loop:
    """The steps of a loop, by the nodes of its second step.

    backward  whether the first step takes the last frame; ``frames`` are then in this order
    pattern   nodes of the second step
    carried   node of the pattern that the next step reads -> the node that the second step reads in its place
    starts    node of the pattern that is carried -> what the first step reads in its place
    steps     for each step, node of the pattern -> its node; what nothing needs is absent
    levels    the step of each node that depends on frames
    """

    graph: Graph
    frames: list[Frames]
    backward: bool
    pattern: list[Node] = field(default_factory=list)
    carried: dict[Node, Node] = field(default_factory=dict)
    starts: dict[Node, Node] = field(default_factory=dict)
    steps: list[dict[Node, Node]] = field(default_factory=list)
    levels: dict[Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.backward:
            self.frames = [replace(f, nodes=f.nodes[::-1]) for f in self.frames]
        self.length = len(self.frames[0].nodes)
        self._find_levels()

    def found(self) -> bool:
        """Whether there is one: fills in the rest."""
        self.pattern = [n for n in self.graph.nodes if self.levels.get(n) == 1 and n not in self._taken(1)]
        if not self.pattern or not self._joined():
            return False
        self._forward()
        return self._first()

    def rows(self) -> Iterator[tuple[list[Node], Node]]:
        """Results of all steps, and the node that joins them: in the order of steps, or from the last to the first."""
        for node in self.graph.nodes:
            if node.target in (STACK, CAT) and len(argument(node, 0)) == self.length:
                row = list(argument(node, 0))
                row = row if self.levels.get(row[1]) == 1 else row[::-1]
                if self.levels.get(row[1]) == 1:
                    yield row, node

    def _taken(self, t: int) -> dict[Node, Node]:
        """Frame of the second step -> frame of step t."""
        return {f.nodes[1]: f.nodes[t] for f in self.frames}

    def _find_levels(self) -> None:
        levels = {node: t for f in self.frames for t, node in enumerate(f.nodes)}
        for node in self.graph.nodes:
            own = [levels[n] for n in node.all_input_nodes if n in levels]
            if own and node not in levels:
                levels[node] = max(own)
        self.levels = levels

    def _joined(self) -> bool:
        """Compare the second step with the third, which tells what is carried."""
        third = [n for n in self.graph.nodes if self.levels.get(n) == 2 and n not in self._taken(2).values()]
        twins = self._taken(2)
        if len(third) != len(self.pattern):
            return False
        for a, b in zip(self.pattern, third, strict=True):
            if a.target != b.target or not all(self._pair(x, y, twins) for x, y in operands(a, b)):
                return False
            twins[a] = b
        return True

    def _pair(self, x: Any, y: Any, twins: dict[Node, Node]) -> bool:
        if not isinstance(x, Node) or not isinstance(y, Node):
            return type(x) is type(y) and bool(x == y)
        if x in twins:
            return twins[x] is y
        if x not in self.levels:
            return x is y
        return self.levels[x] == 0 and self.levels.get(y) == 1 and self.carried.setdefault(y, x) is x

    def _forward(self) -> None:
        known = {key_of(n): n for n in self.graph.nodes if n.op == "call_function"}
        step = {n: n for n in [*self.pattern, *self._taken(1)]}
        self.steps = [step]
        for t in range(2, self.length):
            given = {self.carried[n]: step[n] for n in self.carried if n in step}
            step = self._taken(t)
            for node in self.pattern:
                if all(n in step or n in given or n not in self.levels for n in node.all_input_nodes):
                    found = known.get(_moved(node, given | step))
                    step.update({} if found is None else {node: found})
            self.steps.append(step)

    def _first(self) -> bool:
        """Find the first step, from the values that are read of it."""
        step: dict[Node, Node] = {}
        roots = [*self.carried.items(), *((row[1], row[0]) for row, _ in self.rows())]
        if not all(node in self.steps[0] and self._match(node, found, step) for node, found in roots):
            return False
        self.steps.insert(0, step)
        return set(self.starts) == set(self.carried)

    def _match(self, node: Any, found: Any, step: dict[Node, Node]) -> bool:
        """Whether ``found`` is ``node`` of the pattern in the first step, with starts in place of what is carried."""
        if not isinstance(node, Node) or not isinstance(found, Node):
            return type(node) is type(found) and bool(node == found)
        source = next((n for n, read in self.carried.items() if read is node), None)
        if source is not None:
            return found not in self.levels and self.starts.setdefault(source, found) is found
        if node in step or node not in self.levels:
            return step.get(node, node) is found
        step[node] = found
        taken = self._taken(0)
        if node in taken:
            return taken[node] is found
        same = node.target == found.target and self.levels[node] == 1
        return same and all(self._match(x, y, step) for x, y in operands(node, found))


def operands(a: Node, b: Node) -> list[tuple[Any, Any]]:
    """Arguments of two calls, by pairs; one pair that is not equal where they differ in form."""
    flat_a, form_a = pytree.tree_flatten((a.args, a.kwargs))
    flat_b, form_b = pytree.tree_flatten((b.args, b.kwargs))
    return list(zip(flat_a, flat_b, strict=True)) if form_a == form_b else [(a, None)]


def _moved(node: Node, names: dict[Node, Node]) -> Any:
    """The key of ``node`` with other operands."""

    def other(n: Node) -> Node:
        return names.get(n, n)

    return key(node.target, map_arg(node.args, other), map_arg(node.kwargs, other))
