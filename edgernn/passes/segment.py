"""Sequence graph -> stages: passes over the frames of a segment, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.graph import Graph, Node, Port
from edgernn.ir.op import Op
from edgernn.ir.segment import Segment, Stage
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Advance, Bounded, Collect, Delay, Last, Reverse, Running, Spread, Subsample, Window
from edgernn.passes.attention import collect_frames
from edgernn.passes.stage import stage_program

FORWARD, BACKWARD = 0, 1
NAMES = ("forward", "backward")
CHEAP = ("reshape", "transpose", "slice", "concat", "embedding", "expand")
"""Ops that later stages compute again rather than keep: they only move what is kept, or given, already."""
FREE = ("reshape", "slice")
"""Those that passes over frames may compute in every step though the result is always the same."""

UNORDERED = (Running, Collect)
"""Ops whose results at the end of a sequence do not depend on the order of its frames."""


def to_segment(graph: Graph, max_frames: int, sample_rate_hz: float | None = None) -> Segment:
    """The captured graph as stages, in the least number of passes.

    Raises UnsupportedModelError for what passes cannot do, UsageError for ``max_frames`` below 1, or that are no whole
    steps.
    """
    if max_frames < 1:
        raise UsageError(f"max_frames is the most frames that a segment has: at least 1, found {max_frames}")
    if max_frames % graph.hop:
        raise UsageError(f"max_frames must be a multiple of {graph.hop}, which the model takes at once: {max_frames}")
    max_steps = max_frames // graph.hop
    return _Splitter(collect_frames(graph, max_steps), max_steps, sample_rate_hz).segment()


@dataclass
class _Places:
    """The kind of each stage, and the stage of each value."""

    stages: list[str]
    of: dict[str, int] = field(default_factory=dict)


class _Splitter:
    """Finds the passes, then collects the nodes of each."""

    def __init__(self, graph: Graph, max_steps: int, sample_rate_hz: float | None) -> None:
        self.graph, self.max_steps, self.rate = graph, max_steps, sample_rate_hz
        self.producers = graph.producers()
        self.readers = graph.consumers()
        self.parity = self._parities()
        self.given = {p.value for p in graph.inputs} | set(graph.constants)

    def segment(self) -> Segment:
        """All stages."""
        passes = self._passes()
        place = self._places(passes)
        demands: list[dict[str, str]] = [{} for _ in place.stages]
        outputs = [self._output(port, place, demands) for port in self.graph.outputs]
        stages = []
        for k in reversed(range(len(demands))):
            if demands[k]:
                stages.append(self._stage(k, place, demands))
        ports = [replace(p, shape=s) for p, s in zip(self.graph.inputs, self._input_shapes(stages), strict=True)]
        stages.reverse()
        made = {p.value: p.shape for p in ports} | {p.name: p.shape for stage in stages for p in stage.graph.outputs}
        outputs = [replace(p, shape=made[p.value]) for p in outputs]
        return Segment(
            self.graph.name, ports, outputs, stages, self.max_steps, self.graph.scheme, self.rate, self.graph.hop
        )

    def _input_shapes(self, stages: Iterable[Stage]) -> list[tuple[int, ...]]:
        found = {p.name: p.shape for stage in stages for p in stage.graph.inputs}
        return [found.get(p.value, p.shape) for p in self.graph.inputs]

    def _final(self, value: str) -> bool:
        timing = self.graph.values[value].stream
        return timing is not None and timing.final

    def _parities(self) -> dict[str, int | None]:
        """Of each value: whether its frames run backwards; None where that has no meaning."""
        parity: dict[str, int | None] = {p.value: 0 if p.kind == "frame" else None for p in self.graph.inputs}
        for node in self.graph.nodes:
            found = {p for p in (parity.get(n) for n in node.inputs) if p is not None}
            if len(found) > 1:
                raise UnsupportedModelError(
                    "frames of the sequence are combined with frames of its reverse",
                    node=node.name, source=node.source,
                    remedy="flip what was computed backwards again before it is combined",
                )  # fmt: skip
            own = next(iter(found), None)
            if isinstance(node.op, Reverse) and own is not None:
                own ^= 1
            for name in node.outputs:
                parity[name] = None if isinstance(node.op, Spread | Last) or self._final(name) else own
        return parity

    def _base(self, value: str) -> str:
        """What is computed, behind ops that only say in which order, or when, it is read."""
        while value in self.producers and isinstance(self.producers[value].op, Reverse | Spread):
            value = self.producers[value].inputs[0]
        return value

    def _directed(self, node: Node) -> bool:
        """Whether a node depends on the order of frames."""
        if isinstance(node.op, UNORDERED):
            return any(not isinstance(r.op, Last) for name in node.outputs for r in self.readers.get(name, []))
        return bool(node.op.carried) or isinstance(node.op, Bounded)

    def _runs(self, node: Node, direction: int) -> bool:
        return not self._directed(node) or self.parity[node.outputs[0]] in (None, direction)

    def _passes(self) -> list[int]:
        """The directions of the least number of passes that compute everything: a search by breadth."""
        start = frozenset(self._closed(set(self.given)))
        wanted = {port.value for port in self.graph.outputs}
        if wanted <= start | self.given and all(p.kind == "static" for p in self.graph.inputs):
            return []
        front: list[tuple[frozenset[str], list[int]]] = [(start, [])]
        seen = {start}
        while front:
            following = []
            for have, passes in front:
                if wanted <= have and passes:
                    return passes
                for direction in (FORWARD, BACKWARD):
                    after = frozenset(self._after(set(have), direction))
                    if after not in seen or (wanted <= after and not passes):
                        seen.add(after)
                        following.append((after, [*passes, direction]))
            front = following
        raise UnsupportedModelError("its operations cannot be put into passes over the sequence")

    def _closed(self, have: set[str]) -> set[str]:
        """With what holds for a whole segment and needs no frames."""
        for node in self.graph.nodes:
            whole = isinstance(node.op, Last | Spread | Reverse | Advance) or node.op.of_constants
            if all(n in have for n in node.inputs) and (whole or self._final(node.outputs[0])):
                have.update(node.outputs)
        return have

    def _after(self, have: set[str], direction: int) -> set[str]:
        """What there is after a pass that computes all it can."""
        for node in self.graph.nodes:
            ready = all(n in have for n in node.inputs) and not isinstance(node.op, Last | Advance)
            if ready and not self._final(node.outputs[0]) and self._runs(node, direction):
                have.update(node.outputs)
        return self._closed(have)

    def _places(self, passes: list[int]) -> _Places:
        """The stage of each value: stage 2 k is pass k - 1, stage 2 k + 1 what is computed once after it."""
        have = self._closed(set(self.given))
        places = _Places(["once"])
        for value in have - self.given:
            places.of[value] = 0
        for k, direction in enumerate(passes):
            before = set(have)
            have = self._after(have, direction)
            places.stages += [NAMES[direction], "once"]
            for value in have - before:
                places.of[value] = 2 * k + (2 if self._once(value) else 1)
        return places

    def _once(self, value: str) -> bool:
        return self._final(value) and not isinstance(self.producers[value].op, Last)

    def _output(self, port: Port, places: _Places, demands: list[dict[str, str]]) -> Port:
        value = port.value
        if port.kind == "frame" and self.parity[value] == 1:
            raise UnsupportedModelError(
                f"output {port.name!r} runs from the end of the sequence to its beginning",
                remedy="flip it again before it is returned",
            )
        name = self._demanded(value, len(places.stages), places, demands)
        return replace(port, value=name)

    def _demanded(self, value: str, reader: int, places: _Places, demands: list[dict[str, str]]) -> str:
        """The name under which a later stage ``reader`` reads ``value``, which is demanded of its own."""
        base = self._base(value)
        node = self.producers.get(base)
        if node is not None and isinstance(node.op, Last):
            return self._completed(node, places, demands)
        if node is not None and isinstance(node.op, Advance):
            return self._in_time(node, places, demands)
        stage = places.of.get(base, 1) if node is not None else 1
        if node is None and (reader < len(places.stages) or self._final(base)):
            return base
        demands[stage].setdefault(base, "")
        return base

    def _completed(self, node: Node, places: _Places, demands: list[dict[str, str]]) -> str:
        """The value of the last frame, or of the first step where the pass runs the other way."""
        source = node.inputs[0]
        base = self._base(source)
        producer = self.producers.get(base)
        stage = places.of[base] if producer is not None else 1
        direction, parity = places.stages[stage], self.parity[source]
        free = producer is not None and not self._directed(producer) and isinstance(producer.op, UNORDERED)
        same = free or parity is None or NAMES[parity] == direction
        if not same and producer is not None and isinstance(producer.op, Bounded):
            raise UnsupportedModelError(
                "the first or last frame of a sequence that was cut is taken", node=node.name, source=node.source
            )
        demands[stage][node.outputs[0]] = "last" if same else "first"
        return node.outputs[0]

    def _in_time(self, node: Node, places: _Places, demands: list[dict[str, str]]) -> str:
        """The frames of a value that is late."""
        stage = places.of[self._base(node.inputs[0])]
        if places.stages[stage] != NAMES[FORWARD]:
            raise UnsupportedModelError(
                "a sequence that runs backwards is looked ahead of", node=node.name, source=node.source,
                remedy="pad the convolution over the flipped sequence on the left alone",
            )  # fmt: skip
        demands[stage].setdefault(node.outputs[0], "")
        return node.outputs[0]

    def _shift(self, name: str) -> int:
        """How many steps later than its frame a demanded value is known."""
        node = self.producers.get(name)
        if node is None or not isinstance(node.op, Advance):
            return 0
        steps, rest = divmod(node.op.frames, self.graph.frames(name))
        if rest:
            raise UnsupportedModelError(
                f"it looks {node.op.frames} frames ahead, of which there are {self.graph.frames(name)} in a step",
                node=node.name, source=node.source, remedy="look ahead by whole steps, or after the stride",
            )  # fmt: skip
        return steps

    def _check_order(self, k: int, nodes: Iterable[Node], places: _Places) -> None:
        """What looks at neighbours takes one frame after the other in a pass from the end."""
        for node in nodes if places.stages[k] == NAMES[BACKWARD] else ():
            if isinstance(node.op, Window | Delay | Bounded) and self.graph.frames(node.inputs[0]) > 1:
                raise UnsupportedModelError(
                    "frames of a flipped sequence are joined or delayed, of which a step has several",
                    node=node.name, source=node.source,
                    remedy="flip the result of convolution and pooling, not what they are given",
                )  # fmt: skip

    def _stage(self, k: int, places: _Places, demands: list[dict[str, str]]) -> Stage:
        """Nodes on which the demands depend, back to what is given, kept, or complete."""
        shifts = {name: shift for name in demands[k] if (shift := self._shift(name))}
        sources = {
            name: self._base(self.producers[name].inputs[0]) if take or name in shifts else name
            for name, take in demands[k].items()
        }
        needed, inputs = self._collected(k, list(sources.values()), places)
        nodes = [
            replace(n, op=self._in_order(n), inputs=tuple(self._base(i) for i in n.inputs))
            for n in self.graph.nodes
            if n.name in needed
        ]
        frames = {p.value for p in self.graph.inputs if p.kind == "frame"}
        ports = []
        for name in inputs:
            found = self.graph.values[name]
            once = places.stages[k] == "once"
            timed = once or name in frames or (name not in self.given and not self._final(name))
            limit = next((p.limit for p in self.graph.inputs if p.value == name), None)
            ports.append(Port(name, found.shape, found.dtype, "frame" if timed else "static", limit, value=name))
        self._check_order(k, nodes, places)
        program = stage_program(
            self._graph(k, ports, nodes, once=places.stages[k] == "once"),
            {name: (source, demands[k][name]) for name, source in sources.items()},
            max([0, *shifts.values()]), once=places.stages[k] == "once", backward=places.stages[k] == NAMES[BACKWARD],
        )  # fmt: skip
        for port in program.inputs:
            self._demanded(port.name, k, places, demands)
        return Stage(program, places.stages[k], {n: take for n, take in demands[k].items() if take}, shifts)

    def _in_order(self, node: Node) -> Op:
        """The op of a node as it is for frames in the order of time: they are kept in that within a step."""
        op = node.op
        if isinstance(op, Subsample) and self.parity[node.outputs[0]] == 1:
            return replace(op, phase=op.stride - 1 - op.phase)
        return op

    def _graph(self, k: int, ports: list[Port], nodes: list[Node], once: bool) -> Graph:
        """Nodes of a stage, their inputs with types."""
        rates = [StreamInfo() if once else self._rate(port) for port in ports]
        values = {p.value: ValueType(p.dtype, p.shape, rate) for p, rate in zip(ports, rates, strict=True)}
        return Graph(
            f"{self.graph.name}_{k}", ports, constants=self.graph.constants, values=values, nodes=nodes,
            mode="sequence", hop=1 if once else self.graph.hop,
        )  # fmt: skip

    def _rate(self, port: Port) -> StreamInfo:
        if port.kind == "static" and self.graph.hop > 1:
            return StreamInfo(Fraction(0))
        found = self.graph.values[port.value].stream
        return StreamInfo() if found is None else StreamInfo(found.rate)

    def _collected(self, k: int, roots: list[str], places: _Places) -> tuple[set[str], list[str]]:
        """Names of nodes, and values that come from outside."""
        needed: set[str] = set()
        inputs: dict[str, None] = {}
        todo = list(roots)
        while todo:
            base = self._base(todo.pop())
            node = self.producers.get(base)
            if base in self.graph.constants or (node is not None and node.name in needed):
                continue
            if node is not None and self._belongs(k, base, node, places):
                needed.add(node.name)
                todo.extend(node.inputs)
            else:
                inputs[base] = None
        return needed, list(inputs)

    def _belongs(self, k: int, base: str, node: Node, places: _Places) -> bool:
        """Whether a node is computed in stage ``k``: its own, and later ones where that costs nothing."""
        if isinstance(node.op, Last | Advance):
            return False
        once, free = places.stages[k] == "once", node.op.kind in FREE
        return places.of[base] == k or (node.op.kind in CHEAP and (once == self._final(base) or (free and not once)))
