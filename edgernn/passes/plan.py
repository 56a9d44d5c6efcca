"""Where every value of a step lives: in a port, a constant, a state, or a place in scratch memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from edgernn.ir.graph import Graph, Node, State
from edgernn.ir.op import Op
from edgernn.ir.types import DTYPE_BYTES, ValueType
from edgernn.ops import Concat, Expand, Reduce, Reshape, Slice, Transpose

InPlace = Callable[[Node, Graph], Sequence[tuple[int, int]]]
"""Pairs (operand, result) of a node that may share one place, element by element."""

Workspace = Callable[[Node, Graph], "int | tuple[str, int]"]
"""Elements that a node needs while it runs, of the first operand's dtype or of the one that is named."""


@dataclass(frozen=True)
class Location:
    """``offset`` elements into a storage.

    storage  "input", "output", "constant", "state" or "scratch"
    name     of the port, constant or state; for scratch, the dtype (each has its own arena)
    """

    storage: str
    name: str
    offset: int = 0

    def shifted(self, elements: int) -> Location:
        """The location ``elements`` further on."""
        return replace(self, offset=self.offset + elements)


@dataclass(frozen=True)
class Copy:
    """``size`` elements to copy when all nodes have run."""

    source: Location
    target: Location
    size: int
    dtype: str


@dataclass
class MemoryPlan:
    """The places of a graph's values.

    locations      of each value
    workspaces     of each node that needs one, by name
    scratch        dtype -> elements of its arena
    output_copies  to make after the nodes, in order, ...
    state_copies   ... and then these, in order
    """

    locations: dict[str, Location] = field(default_factory=dict)
    workspaces: dict[str, Location] = field(default_factory=dict)
    scratch: dict[str, int] = field(default_factory=dict)
    output_copies: list[Copy] = field(default_factory=list)
    state_copies: list[Copy] = field(default_factory=list)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of all arenas."""
        return sum(DTYPE_BYTES[dtype] * size for dtype, size in self.scratch.items())


def plan_memory(graph: Graph, in_place: InPlace, workspace: Workspace, align_bytes: int = 4) -> MemoryPlan:
    """Assign a location to every value of ``graph``.

    A value that only renames a part of another shares its place. A result is written straight to its output
    port or over its state where nothing reads the old contents any more; states are otherwise copied after
    the last node, in an order (or through scratch) that lets them exchange values. The rest shares scratch
    memory by lifetime. A step that stops before its first node has changed nothing.
    """
    return _Planner(graph, in_place, workspace, align_bytes).plan()


def alias_offset(op: Op, operand: ValueType, result: ValueType) -> int | None:
    """Elements into the first operand at which the result of ``op`` already lies, or None where it must be
    computed.
    """
    if isinstance(op, Slice):
        return _slice_offset(op, operand.shape)
    same_size = operand.size == result.size
    if isinstance(op, Reshape | Expand | Concat | Reduce) and same_size:
        return 0
    if isinstance(op, Transpose):
        rank = len(operand.shape)
        moved = [a % rank for a in op.axes if operand.shape[a] > 1]
        return 0 if moved == sorted(moved) else None
    return None


def _slice_offset(op: Slice, shape: tuple[int, ...]) -> int | None:
    axis = op.axis % len(shape)
    entries = len(range(op.start, op.stop, op.step))
    if math.prod(shape[:axis]) != 1 or (op.step != 1 and entries > 1):
        return None
    return op.start * math.prod(shape[axis + 1 :])


@dataclass
class Block:
    """A piece of memory, and the first and last moment (number of a node, or of a stage) at which it is in use."""

    dtype: str
    size: int
    born: int
    dies: int
    offset: int = 0

    def overlaps_in_time(self, other: Block) -> bool:
        """Whether both are in use at some moment."""
        return self.born <= other.dies and other.born <= self.dies


class _Planner:
    def __init__(self, graph: Graph, in_place: InPlace, workspace: Workspace, align_bytes: int) -> None:
        self.graph, self.in_place, self.workspace, self.align_bytes = graph, in_place, workspace, align_bytes
        self.plan_ = MemoryPlan()
        self.end = len(graph.nodes)
        self.roots: dict[str, tuple[str, int]] = {}
        self.fixed: dict[str, Location] = {}
        self.blocks: dict[str, Block] = {}
        self.work: dict[str, Block] = {}
        self.taken: set[str] = set()

    def plan(self) -> MemoryPlan:
        self._find_roots()
        self.last_use = self._last_uses()
        for number, node in enumerate(self.graph.nodes):
            self._place(number, node)
        self._copy_outputs()
        moves = self._order(self._state_moves())
        self._pack()
        self._locate()
        self.plan_.state_copies = [
            replace(m, source=self._final(m.source), target=self._final(m.target)) for m in moves
        ]
        self.plan_.output_copies = [replace(c, source=self._final(c.source)) for c in self.plan_.output_copies]
        return self.plan_

    def _find_roots(self) -> None:
        graph = self.graph
        for name in graph.constants:
            self._root(name, Location("constant", name))
        for port in graph.inputs:
            self._root(port.value, Location("input", port.name))
        for state in graph.states:
            self._root(state.before, Location("state", state.name))
        for node in graph.nodes:
            offset = None
            if len(node.outputs) == 1:
                offset = alias_offset(node.op, graph.values[node.inputs[0]], graph.values[node.outputs[0]])
            for name in node.outputs:
                root, base = self.roots[node.inputs[0]] if offset is not None else (name, 0)
                self.roots[name] = (root, base + (offset or 0))

    def _root(self, name: str, location: Location) -> None:
        self.roots[name] = (name, 0)
        self.fixed[name] = location

    def _last_uses(self) -> dict[str, int]:
        last: dict[str, int] = {}
        for number, node in enumerate(self.graph.nodes):
            for name in node.inputs:
                last[self.roots[name][0]] = number
        for name in self.graph.roots():
            last[self.roots[name][0]] = self.end
        return last

    def _place(self, number: int, node: Node) -> None:
        extra = self.workspace(node, self.graph)
        dtype, size = extra if isinstance(extra, tuple) else (self.graph.values[node.inputs[0]].dtype, extra)
        if size:
            self.work[node.name] = Block(dtype, size, number, number)
        for name in node.outputs:
            if self.roots[name][0] != name:
                continue
            location = self._over_state(number, node, name) or self._in_output(name)
            if location is not None:
                self.fixed[name] = location
            elif not self._over_operand(number, node, name):
                value = self.graph.values[name]
                self.blocks[name] = Block(
                    value.dtype, value.size, number, max(number, self.last_use.get(name, number))
                )

    def _over_state(self, number: int, node: Node, name: str) -> Location | None:
        for state in self.graph.states:
            if state.name in self.taken or self.roots[state.after] != (name, 0):
                continue
            if self.graph.values[name].size != self.graph.values[state.after].size:
                continue
            last = self.last_use.get(state.before, -1)
            if last < number or (last == number and self._shareable(node, name, state.before)):
                self.taken.add(state.name)
                return Location("state", state.name)
        return None

    def _in_output(self, name: str) -> Location | None:
        for port in self.graph.outputs:
            if self.roots[port.value] == (name, 0) and self.graph.values[name].size == port.size:
                return Location("output", port.name)
        return None

    def _over_operand(self, number: int, node: Node, name: str) -> bool:
        for operand, result in self.in_place(node, self.graph):
            root = self.roots[node.inputs[operand]][0]
            if node.outputs[result] != name or root not in self.blocks or self.last_use[root] != number:
                continue
            block = self.blocks[root]
            if (
                block.dies == number
                and block.dtype == self.graph.values[name].dtype
                and self._shareable(node, name, root)
            ):
                block.dies = max(number, self.last_use.get(name, number))
                self.blocks[name] = block
                return True
        return False

    def _shareable(self, node: Node, name: str, root: str) -> bool:
        """Whether ``node`` may write its result ``name`` over ``root``: it reads root only element by
        element.
        """
        pairs = set(self.in_place(node, self.graph))
        result, size = node.outputs.index(name), self.graph.values[name].size
        return self.graph.values[root].size == size and all(
            (k, result) in pairs and self.roots[n] == (root, 0) and self.graph.values[n].size == size
            for k, n in enumerate(node.inputs)
            if self.roots[n][0] == root
        )

    def _at(self, name: str) -> Location:
        """Where a value lies; scratch locations name the root until offsets are known."""
        root, offset = self.roots[name]
        return self.fixed.get(root, Location("block", root)).shifted(offset)

    def _final(self, location: Location) -> Location:
        if location.storage != "block":
            return location
        block = self.blocks[location.name]
        return Location("scratch", block.dtype, block.offset + location.offset)

    def _copy_outputs(self) -> None:
        for port in self.graph.outputs:
            source, target = self._at(port.value), Location("output", port.name)
            if source != target:
                self.plan_.output_copies.append(Copy(source, target, port.size, port.dtype))

    def _state_moves(self) -> list[Copy]:
        moves = []
        for state in self.graph.states:
            source, target = self._at(state.after), Location("state", state.name)
            if source != target:
                moves.append(Copy(source, target, _size(state), state.dtype))
        return moves

    def _order(self, pending: list[Copy]) -> list[Copy]:
        """Moves in an order in which no state is overwritten before it is read; cycles go through scratch."""
        ordered: list[Copy] = []
        while pending:
            ready = [m for m in pending if not any(o is not m and _reads(o, m.target) for o in pending)]
            if ready:
                ordered.append(ready[0])
                pending = [m for m in pending if m is not ready[0]]
                continue
            saved = pending[0].target
            name = f"saved {saved.name}"
            whole = next(s for s in self.graph.states if s.name == saved.name)
            self.blocks[name] = Block(whole.dtype, _size(whole), self.end, self.end)
            ordered.append(Copy(saved, Location("block", name), _size(whole), whole.dtype))
            pending = [
                replace(m, source=Location("block", name, m.source.offset)) if _reads(m, saved) else m for m in pending
            ]
        return ordered

    def _pack(self) -> None:
        unique = {id(b): b for b in (*self.blocks.values(), *self.work.values())}
        self.plan_.scratch = pack(list(unique.values()), self.align_bytes)

    def _locate(self) -> None:
        for name in self.roots:
            self.plan_.locations[name] = self._final(self._at(name))
        for name, block in self.work.items():
            self.plan_.workspaces[name] = Location("scratch", block.dtype, block.offset)


def _size(state: State) -> int:
    return math.prod(state.shape)


def _reads(move: Copy, target: Location) -> bool:
    return move.source.storage == "state" and move.source.name == target.name


def pack(blocks: Sequence[Block], align_bytes: int = 4) -> dict[str, int]:
    """Give each block the lowest offset that is free during its life, the largest first; elements of each dtype's
    arena."""
    placed: list[Block] = []
    arenas: dict[str, int] = {}
    for block in sorted(blocks, key=lambda b: (-b.size, b.born)):
        unit = max(1, align_bytes // DTYPE_BYTES[block.dtype])
        rivals = [p for p in placed if p.dtype == block.dtype and p.overlaps_in_time(block)]
        block.offset = 0
        for rival in sorted(rivals, key=lambda p: p.offset):
            if block.offset + block.size > rival.offset:
                block.offset = max(block.offset, -(-(rival.offset + rival.size) // unit) * unit)
        placed.append(block)
        arenas[block.dtype] = max(arenas.get(block.dtype, 0), block.offset + block.size)
    return arenas
