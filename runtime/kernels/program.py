"""From a graph to a program of kernel calls over one arena of memory.

The arena holds weights (packed when loaded), states, inputs and all values of a step. Every region begins on
a cache line and has a spare vector at its end: kernels read and write whole vectors.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgernn.errors import EngineError, UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.runtime.kernels.build import Kernel
from edgernn.runtime.kernels.entry import HEADER_WORDS
from edgernn.runtime.kernels.vectors import LANES

LINE_BYTES = 64
BACKEND = "numba"


@dataclass(frozen=True)
class Place:
    """A position in the arena, in bytes from its start."""

    offset: int

    def beyond(self, nbytes: int) -> Place:
        """The place ``nbytes`` further."""
        return Place(self.offset + nbytes)


@dataclass(frozen=True)
class Slot:
    """The word of the program that holds the pointer to the k-th array of a call: inputs, then outputs."""

    number: int


Operand = int | float | Place | Slot

Call = tuple[Kernel, tuple[Operand, ...]]


def unsupported(node: Node, reason: str) -> UnsupportedOpError:
    """The error for a node that the engine cannot run."""
    function = getattr(node.op, "function", None)
    kind = f"{node.op.kind}({function})" if function else node.op.kind
    return UnsupportedOpError(BACKEND, kind, node.name, source=node.source, reason=reason)


def expect_floats(node: Node, program: Program) -> None:
    """Raise UnsupportedOpError unless all operands are float32."""
    dtypes = [t.dtype for t in program.graph.types(node.inputs)]
    if set(dtypes) != {"float32"}:
        raise unsupported(node, f"float32 operands expected, found {', '.join(dtypes)}")


def round_up(n: int, multiple: int) -> int:
    """The least multiple that is not below ``n``."""
    return -(-n // multiple) * multiple


@dataclass
class Program:
    """Kernel calls in the making. ``lower`` of ``edgernn.runtime.kernels.lower`` writes the ops into it."""

    graph: Graph
    places: dict[str, Place] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    _contents: list[tuple[int, Array]] = field(default_factory=list)
    _shared: dict[int, Place] = field(default_factory=dict)
    _size: int = 0

    def reserve(self, nbytes: int) -> Place:
        """A new region, of zeros."""
        place = Place(self._size)
        self._size += round_up(nbytes + 4 * LANES, LINE_BYTES)
        return place

    def put(self, array: Array) -> Place:
        """A new region that holds ``array``."""
        place = self.reserve(array.nbytes)
        self._contents.append((place.offset, array))
        return place

    def shared(self, array: Array) -> Place:
        """The region that holds ``array``, an object that outlives the program: the same one for each call."""
        if id(array) not in self._shared:
            self._shared[id(array)] = self.put(array)
        return self._shared[id(array)]

    def put_words(self, numbers: Sequence[int]) -> Place:
        """A new region that holds integers of 64 bits."""
        return self.put(np.array(numbers, np.int64))

    def call(self, kernel: Kernel, *operands: Operand) -> None:
        """Append a call."""
        self.calls.append((kernel, operands))

    def operand(self, name: str) -> Place:
        """Where a value is. Constants are put into the arena when first asked for."""
        if name not in self.places:
            self.places[name] = self.put(self.graph.constants[name])
        return self.places[name]

    def result(self, name: str) -> Place:
        """A new region for a value."""
        self.places[name] = self.reserve(self.graph.values[name].nbytes)
        return self.places[name]

    def weight(self, node: Node, name: str) -> Array:
        """The content of a weight. Raises UnsupportedOpError where it is computed in the step."""
        if name not in self.graph.constants:
            raise unsupported(node, f"operand {name!r} must be a constant")
        return self.graph.constants[name]

    def finish(self, programs: Sequence[Sequence[Call]]) -> tuple[Array, list[Array]]:
        """The arena, as bytes, and the parts of it that are the programs ``entry`` runs.

        Constants and addresses are filled in, all else is zero. Raises EngineError where memory is short.
        """
        slots = len(self.graph.inputs) + len(self.graph.outputs)
        sizes = [8 * (HEADER_WORDS + slots + sum(2 + len(o) for _, o in calls) + 1) for calls in programs]
        places = [self.reserve(size) for size in sizes]
        arena = _aligned_zeros(self._size)
        for offset, array in self._contents:
            arena[offset : offset + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        words = [arena[p.offset : p.offset + n].view(np.int64) for p, n in zip(places, sizes, strict=True)]
        for part, calls in zip(words, programs, strict=True):
            part[:HEADER_WORDS] = slots, id(None)
            _write_calls(part, HEADER_WORDS + slots, calls, arena.ctypes.data)
        return arena, words


def _write_calls(words: Array, at: int, calls: Sequence[Call], arena: int) -> None:
    slots = words.ctypes.data + 8 * HEADER_WORDS
    for kernel, operands in calls:
        size = 2 + len(operands)
        words[at : at + size] = kernel.address, size, *(_word(o, arena, slots) for o in operands)
        at += size


def _aligned_zeros(nbytes: int) -> Array:
    try:
        raw = np.zeros(nbytes + LINE_BYTES, np.uint8)
    except MemoryError:
        raise EngineError(f"the program needs {nbytes} bytes of memory, which cannot be had") from None
    start = -raw.ctypes.data % LINE_BYTES
    return raw[start : start + nbytes]


def _word(operand: Operand, arena: int, slots: int) -> int:
    if isinstance(operand, Place):
        return arena + operand.offset
    if isinstance(operand, Slot):
        return slots + 8 * operand.number
    if isinstance(operand, float):
        return int(struct.unpack("<q", struct.pack("<d", operand))[0])
    return int(operand)
