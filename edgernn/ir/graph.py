"""The program: typed values, nodes, constants, named states, and ports to the outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edgernn.ir.op import Array, Op
from edgernn.ir.types import DTYPE_BYTES, ValueType

if TYPE_CHECKING:
    from edgernn.ir.tokenizer import Tokenizer


@dataclass(frozen=True)
class Port:
    """An input or output of a model, as the user sees it.

    value  the value in the graph that the port reads or feeds
    kind   "frame": one per step. "final" (outputs): what the whole-sequence model gives at the end,
           at each step for the frames so far. "static" (inputs): the same for a whole sequence,
           given with every step
    limit  for integer inputs, valid entries are 0 <= entry < limit; None where any value is
    scale  of integer models: real value of one unit; None where the integers are the values (indices)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str = "frame"
    limit: int | None = None
    value: str = ""
    scale: float | None = None

    @property
    def size(self) -> int:
        """Number of elements of one frame."""
        size = 1
        for n in self.shape:
            size *= n
        return size


@dataclass(frozen=True, eq=False)
class State:
    """A named array that lives from one step to the next.

    initial  its value after reset, of this shape and dtype
    before   the graph's value that holds it during a step (an operand)
    after    the graph's value that becomes the state after the step
    scale    real value of one integer unit, for integer states
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    initial: Array
    before: str = ""
    after: str = ""
    scale: float | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        size = DTYPE_BYTES[self.dtype]
        for n in self.shape:
            size *= n
        return size


def state_name(node: str, carried: int) -> str:
    """Name of the state of a recurrent node: "<node>_h", "<node>_c" for the second one (an LSTM's cell), "<node>_n",
    then "<node>_3" and so on."""
    return f"{node}_{'hcn'[carried] if carried < 3 else carried}"


@dataclass(frozen=True)
class Node:
    """One op applied to named values. ``source`` is the line of the user's code, when known."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""


@dataclass
class Graph:
    """A step program: ``nodes`` in execution order.

    Each value is defined once: by an input port, a constant, a state (its ``before``) or a node.
    hop     frames of the input consumed by one step
    delay   steps before the first output that belongs to a frame
    tail    steps after the last frame of a sequence that the last outputs need
    tokenizer  what the symbols that it reads or writes stand for; it has no part in what is computed
    """

    name: str
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    values: dict[str, ValueType] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    mode: str = "stream"
    scheme: str = "float32"
    hop: int = 1
    delay: int = 0
    tail: int = 0
    sample_rate_hz: float | None = None
    tokenizer: Tokenizer | None = None

    def frames(self, name: str) -> int:
        """Of a sequence graph: how many frames of a value there are in one step."""
        stream = self.values[name].stream
        return 1 if stream is None else int(self.hop * stream.rate)

    def producers(self) -> dict[str, Node]:
        """The node that computes each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each value."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        return readers

    def types(self, names: tuple[str, ...]) -> tuple[ValueType, ...]:
        """The types of the named values."""
        return tuple(self.values[n] for n in names)

    def roots(self) -> Iterator[str]:
        """Values that must be computed: outputs and the next states."""
        yield from (port.value for port in self.outputs)
        yield from (state.after for state in self.states)

    def copy(self) -> Graph:
        """A copy whose lists and dicts can be changed; the arrays are shared."""
        return replace(
            self,
            inputs=list(self.inputs),
            outputs=list(self.outputs),
            states=list(self.states),
            constants=dict(self.constants),
            values=dict(self.values),
            nodes=list(self.nodes),
        )
