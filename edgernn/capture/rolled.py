"""Rolls up Python loops over time: their unrolled steps become one call of the recurrence operator."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from edgernn.capture.loops import Frames, Loop, operands, wave
from edgernn.capture.recurrence import Body, keep, overload
from edgernn.capture.unrolled import CAT, SELECT, STACK, add, argument, normalize, value

aten = torch.ops.aten
_numbers = count()


def roll(first: Graph, second: Graph) -> None:
    """Roll up the loops in the graphs of a module at two lengths, in place, as far as they are found in both."""
    for graph in (first, second):
        normalize(graph)
    while True:
        frames = wave(first, second)
        found = _found((first, second), frames, backward=False) or _found((first, second), frames, backward=True)
        if not found:
            return
        name = f"loop_{next(_numbers)}"
        for one in found:
            one.replace(name)


def _found(graphs: tuple[Graph, Graph], frames: tuple[list[Frames], list[Frames]], backward: bool) -> list[_Rolled]:
    """The loop of both graphs that takes these frames in this order; nothing where there is none."""
    if not frames[0]:
        return []
    loops = [Loop(graph, own, backward) for graph, own in zip(graphs, frames, strict=True)]
    if not all(loop.found() for loop in loops):
        return []
    rolled = [_Rolled(loop) for loop in loops]
    return rolled if all(one.fits() for one in rolled) else []


class _Rolled:
    """Puts one operator in the place of the steps of a loop.

    states   what is carried
    opening  what the next step computes of the states before all else
    outputs  of each step
    finals   what is read of the last step, besides
    joins    nodes that join an output of all steps, and its number
    """

    def __init__(self, loop: Loop) -> None:
        self.loop, self.graph = loop, loop.graph
        self.inside = {found for step in loop.steps for found in step.values()}
        self.states = list(loop.carried)
        self.opening: list[Node] = []
        self.outputs: list[Node] = []
        self.finals: list[Node] = []
        self.joins: list[tuple[Node, int]] = []

    def fits(self) -> bool:
        """Whether values of steps are read elsewhere only where a result of all steps, or of the last one, is."""
        loop = self.loop
        joined = {node: row for row, node in loop.rows()}
        for node, row in joined.items():
            if [step.get(row[1]) for step in loop.steps] != row or not _stands(node):
                return False
            self.joins.append((node, self._output(row[1])))
        last = {found: node for node, found in loop.steps[-1].items()}
        frames = {n for f in loop.frames for n in f.nodes}
        outside = (node for node in self.graph.nodes if node not in self.inside and node not in joined)
        read = {n: None for node in outside for n in node.all_input_nodes if n in self.inside and n not in frames}
        self.finals = [last[n] for n in read if n in last]
        return len(self.finals) == len(read)

    def replace(self, name: str) -> None:
        """Call the operator, whose body is kept under ``name``, and drop the steps."""
        self._open()
        for node in self.finals:
            if node not in self.states:
                self._output(node)
        weights = self._weights()
        keep(name, self._body(weights))
        read = {node for node, _ in self.joins} | {n for n in self.graph.nodes if self._reads_last(n)}
        place = next(n for n in self.graph.nodes if n in read)
        with self.graph.inserting_before(place):
            call = self._call(name, weights, place)
            for node, k in self.joins:
                node.replace_all_uses_with(self._joined(call, node, k))
            for node in self.finals:
                self.loop.steps[-1][node].replace_all_uses_with(self._final(call, node), delete_user_cb=self._outside)
        _sort(self.graph)
        self.graph.eliminate_dead_code()

    def _output(self, node: Node) -> int:
        if node not in self.outputs:
            self.outputs.append(node)
        return self.outputs.index(node)

    def _outside(self, node: Node) -> bool:
        return node not in self.inside

    def _reads_last(self, node: Node) -> bool:
        last = {self.loop.steps[-1][n] for n in self.finals}
        return self._outside(node) and any(n in last for n in node.all_input_nodes)

    def _open(self) -> None:
        """Leave to the next step what is computed of the state alone, as the first step shows by its start."""
        loop = self.loop
        while found := next((n for n in self.states if self._opens(n)), None):
            self.opening.insert(0, found)
            self.states.remove(found)
            for n, start in operands(found, loop.starts[found]):
                if n in loop.levels and n not in self.states:
                    self.states.append(n)
                    loop.starts[n] = start

    def _opens(self, node: Node) -> bool:
        """Whether the start of a state is what ``node`` computes, of other starts in the place of what it reads."""
        loop, start = self.loop, self.loop.starts[node]
        within = (one for one in loop.pattern if one not in self.opening)
        used = {*self.outputs, *self.finals, *(n for one in within for n in one.all_input_nodes)}
        pairs = operands(node, start)
        own = [(n, s) for n, s in pairs if isinstance(n, Node) and n in loop.levels]
        fixed = all(n is s or (not isinstance(n, Node) and n == s) for n, s in pairs if (n, s) not in own)
        starts = bool(own) and all(isinstance(s, Node) and loop.starts.get(n, s) is s for n, s in own)
        return node.target == start.target and node not in used and fixed and starts

    def _weights(self) -> list[Node]:
        """What steps read that is the same for all."""
        read = (n for node in self.loop.pattern for n in node.all_input_nodes)
        return list(dict.fromkeys(n for n in read if n not in self.loop.levels))

    def _body(self, weights: list[Node]) -> Body:
        """The pattern as a function."""
        loop, graph = self.loop, Graph()
        names: dict[Node, Node] = {}
        for k, frames in enumerate(loop.frames):
            frame = graph.placeholder(f"frame_{k}")
            names[frames.nodes[1]] = frame if frames.target is SELECT else _one(graph, frame, frames.axis)
        before = {node: graph.placeholder(f"state_{k}") for k, node in enumerate(self.states)}
        for k, node in enumerate(weights):
            names[node] = graph.placeholder(f"weight_{k}")
        for node in self.opening:
            before[node] = graph.node_copy(node, (names | before).__getitem__)
        names.update({read: before[node] for node, read in loop.carried.items()})
        for node in loop.pattern:
            names[node] = graph.node_copy(node, names.__getitem__)
        graph.output(([names[n] for n in self.outputs], [names[n] for n in self.states]))
        graph.eliminate_dead_code()
        module: Callable[..., Any] = GraphModule(torch.nn.Module(), graph)
        return lambda sequences, states, weights: module(*sequences, *states, *weights)

    def _call(self, name: str, weights: list[Node], like: Node) -> Node:
        sequences = [self._sequence(frames, like) for frames in self.loop.frames]
        starts = [self.loop.starts[node] for node in self.states]
        call = add(self.graph, overload(), (name, sequences, starts, weights), like, "loop")
        call.meta["stack_trace"] = self.loop.pattern[0].meta.get("stack_trace")
        return call

    def _sequence(self, frames: Frames, like: Node) -> Node:
        """The frames along the first axis, in the order in which steps take them."""
        base, axis = frames.base, frames.axis
        if axis:
            order = [axis, *(k for k in range(value(base).ndim) if k != axis)]
            base = add(self.graph, aten.permute.default, (base, order), like)
        return add(self.graph, aten.flip.default, (base, [0]), like) if self.loop.backward else base

    def _joined(self, call: Node, node: Node, k: int) -> Node:
        """What ``node`` makes of the k-th output of all steps."""
        y = add(self.graph, operator.getitem, (call, k), node)
        axis = _axis(node)
        if argument(node, 0)[0] is not self.loop.steps[0][self.outputs[k]]:
            y = add(self.graph, aten.flip.default, (y, [0]), node)
        if node.target is CAT:
            y = add(self.graph, SELECT, (y, axis + 1, 0), node)
        order = list(range(1, value(y).ndim))
        order.insert(axis, 0)
        return add(self.graph, aten.permute.default, (y, order), node)

    def _final(self, call: Node, node: Node) -> Node:
        """The value of ``node`` in the last step."""
        if node in self.states:
            return add(self.graph, operator.getitem, (call, len(self.outputs) + self.states.index(node)), node)
        row = add(self.graph, operator.getitem, (call, self.outputs.index(node)), node)
        return add(self.graph, SELECT, (row, 0, self.loop.length - 1), node)


def _one(graph: Graph, frame: Node, axis: int) -> Node:
    """A frame with an axis of length 1."""
    return graph.call_function(aten.unsqueeze.default, (frame, axis))


def _axis(join: Node) -> int:
    axis: int = argument(join, 1, 0) % value(join).ndim
    return axis


def _stands(join: Node) -> bool:
    """Whether a join has an axis of time: results of steps are stacked, or have length 1 along it."""
    return join.target is STACK or value(argument(join, 0)[0]).shape[_axis(join)] == 1


def _sort(graph: Graph) -> None:
    """Put every node after those that it reads."""
    placed: dict[Node, None] = {}
    for node in graph.nodes:
        stack = [node]
        while stack:
            late = [n for n in stack[-1].all_input_nodes if n not in placed]
            stack.extend(late)
            if not late:
                placed.setdefault(stack.pop())
    for before, after in pairwise(list(placed)):
        before.append(after)
