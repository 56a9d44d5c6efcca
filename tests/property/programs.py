"""Random step programs: a chain of layers, states and moves over frames, built without PyTorch."""

import zlib
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from edgernn import ops
from edgernn.ir.builder import Builder
from edgernn.ir.check import check_graph
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.types import StreamInfo, ValueType

WIDTHS = (1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 48)
UNARY = (
    "relu",
    "sigmoid",
    "tanh",
    "silu",
    "gelu",
    "mish",
    "softsign",
    "hard_sigmoid",
    "hard_swish",
    "log_sigmoid",
    "abs",
)
TOKENS = 11

Draw = Callable[..., int]


class Program:
    """A graph under construction; ``values`` are frames of one axis, the last one is what the next block reads."""

    def __init__(self, draw: Draw, seed: int, extreme: bool = False) -> None:
        """``extreme``: weights of many magnitudes, also matrices and rows of zeros."""
        self.draw, self.rng, self.extreme = draw, np.random.default_rng(seed), extreme
        self.graph = Graph("random")
        self.builder = Builder(self.graph)
        self.values: list[str] = []

    def pick(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def width(self) -> int:
        return WIDTHS[self.pick(0, len(WIDTHS) - 1)]

    def size(self, value: str) -> int:
        return self.graph.values[value].shape[-1]

    def weight(self, *shape: int) -> str:
        """Uniform in +-1/sqrt(columns), as PyTorch initializes."""
        bound = shape[-1] ** -0.5
        values = self.rng.uniform(-bound, bound, shape)
        values = values * self.magnitude(shape) if self.extreme else values
        return self.builder.constant(values.astype(np.float32), "w")

    def magnitude(self, shape: tuple[int, ...]) -> np.ndarray:
        """What weights of this shape are multiplied by."""
        kind = self.pick(0, 9)
        if kind < 5:
            return np.ones(shape)
        if kind < 8:
            return np.full(shape, 10.0 ** self.pick(-8, 4))
        return np.zeros(shape) if kind == 8 else self.rng.integers(0, 2, (*shape[:-1], 1)) * np.ones(shape)

    def state(self, size: int) -> str:
        name = self.builder.value("s", ValueType("float32", (size,), StreamInfo()))
        initial = (self.rng.standard_normal(size) * self.pick(0, 1)).astype(np.float32)
        self.graph.states.append(State(name, (size,), "float32", initial, before=name))
        return name

    def carry(self, state: str, after: str) -> None:
        k = next(k for k, s in enumerate(self.graph.states) if s.name == state)
        old = self.graph.states[k]
        self.graph.states[k] = State(old.name, old.shape, old.dtype, old.initial, state, after)

    def add_input(self) -> None:
        if self.pick(0, 4) == 0:
            name = self.builder.value("token", ValueType("int32", (1,), StreamInfo()))
            self.graph.inputs.append(Port(name, (1,), "int32", limit=TOKENS, value=name))
            row = self.builder.add1(ops.Embedding(), [name, self.weight(TOKENS, self.width())])
            self.values.append(self.builder.add1(ops.Reshape((self.size(row),)), [row]))
            return
        width = self.width()
        name = self.builder.value("x", ValueType("float32", (width,), StreamInfo()))
        self.graph.inputs.append(Port(name, (width,), "float32", value=name))
        self.values.append(name)

    def lstm(self, x: str) -> str:
        hidden, projected = self.width(), self.pick(0, 2) == 0
        out = max(1, hidden // 2) if projected else hidden
        h, c = self.state(out), self.state(hidden)
        weights = [self.weight(4 * hidden, self.size(x)), self.weight(4 * hidden, out), self.weight(4 * hidden)]
        weights += [self.weight(out, hidden)] if projected else []
        y, cell = self.builder.add(ops.Lstm(hidden, out if projected else 0), [x, h, c, *weights])
        self.carry(h, y)
        self.carry(c, cell)
        self.values.append(cell)
        return y

    def gru(self, x: str) -> str:
        hidden = self.width()
        h = self.state(hidden)
        weights = [self.weight(3 * hidden, self.size(x)), self.weight(3 * hidden, hidden)]
        y = self.builder.add1(ops.Gru(hidden), [x, h, *weights, self.weight(3 * hidden), self.weight(3 * hidden)])
        self.carry(h, y)
        return y

    def rnn(self, x: str) -> str:
        hidden = self.width()
        h = self.state(hidden)
        op = ops.Rnn(hidden, ("tanh", "relu")[self.pick(0, 1)])
        y = self.builder.add1(
            op, [x, h, self.weight(hidden, self.size(x)), self.weight(hidden, hidden), self.weight(hidden)]
        )
        self.carry(h, y)
        return y

    def linear(self, x: str) -> str:
        out = self.width()
        return self.builder.add1(ops.Linear(), [x, self.weight(out, self.size(x)), self.weight(out)])

    def layer_norm(self, x: str) -> str:
        gamma, beta = self.weight(self.size(x)), self.weight(self.size(x))
        return self.builder.add1(ops.LayerNorm(1e-3), [x, gamma, beta])

    def unary(self, x: str) -> str:
        return self.builder.add1(ops.Unary(UNARY[self.pick(0, len(UNARY) - 1)]), [x])

    def softmax(self, x: str) -> str:
        return self.builder.add1((ops.Softmax, ops.LogSoftmax)[self.pick(0, 1)](-1), [x])

    def residual(self, x: str) -> str:
        """Adds an earlier value, brought to the same width."""
        other = self.values[self.pick(0, len(self.values) - 1)]
        if self.size(other) != self.size(x):
            other = self.builder.add1(
                ops.Linear(), [other, self.weight(self.size(x), self.size(other)), self.weight(self.size(x))]
            )
        return self.builder.add1(ops.Binary(("add", "sub", "mul", "maximum")[self.pick(0, 3)]), [x, other])

    def gated(self, x: str) -> str:
        half = self.size(x) // 2
        if half == 0:
            return self.unary(x)
        a, b = (self.builder.add1(ops.Slice(-1, k * half, (k + 1) * half), [x]) for k in (0, 1))
        return self.builder.add1(ops.Binary("mul"), [a, self.builder.add1(ops.Unary("sigmoid"), [b])])

    def joined(self, x: str) -> str:
        return self.builder.add1(ops.Concat(-1), [x, self.values[self.pick(0, len(self.values) - 1)]])

    def scaled(self, x: str) -> str:
        constant = self.weight(self.size(x)) if self.pick(0, 1) else self.builder.scalar(0.7)
        return self.builder.add1(ops.Binary(("add", "sub", "mul")[self.pick(0, 2)]), [x, constant])

    def moved(self, x: str) -> str:
        """Two axes, transposed, one of them reduced."""
        size = self.size(x)
        rows = next(n for n in (4, 3, 2, 1) if size % n == 0)
        matrix = self.builder.add1(ops.Reshape((rows, size // rows)), [x])
        turned = self.builder.add1(ops.Transpose((-1, -2)), [matrix])
        function = ("sum", "mean", "max", "min")[self.pick(0, 3)]
        return self.builder.add1(ops.Reduce(function, (-2 + self.pick(0, 1),)), [turned])

    def leaky(self, x: str) -> str:
        """A custom cell: s' = 0.8 s + 0.2 x."""
        s = self.state(self.size(x))
        parts = [self.builder.add1(ops.Binary("mul"), [v, self.builder.scalar(f)]) for v, f in ((s, 0.8), (x, 0.2))]
        y = self.builder.add1(ops.Binary("add"), parts)
        self.carry(s, y)
        return y

    def delayed(self, x: str) -> str:
        """The value of the frame before: the state becomes a value that others read too."""
        s = self.state(self.size(x))
        self.carry(s, x)
        self.values.append(s)
        return self.builder.add1(ops.Concat(-1), [s, x])

    def done(self) -> Graph:
        names = [self.values[-1]]
        names += [self.values[self.pick(0, len(self.values) - 1)] for _ in range(self.pick(0, 2))]
        for k, name in enumerate(names):
            value = self.graph.values[name]
            self.graph.outputs.append(Port(f"y{k}", value.shape, value.dtype, value=name))
        check_graph(self.graph)
        return self.graph


BLOCKS = (
    "lstm", "gru", "rnn", "linear", "layer_norm", "unary", "softmax", "residual", "gated", "joined", "scaled", "moved",
    "leaky", "delayed",
)  # fmt: skip
RECURRENT = ("lstm", "gru", "rnn")


@st.composite
def programs(draw: Draw, extreme: bool = False) -> Graph:
    """Step programs of one or two inputs, at least one recurrent layer and two to seven blocks more."""
    program = Program(draw, draw(st.integers(0, 2**16)), extreme)
    for _ in range(program.pick(1, 2)):
        program.add_input()
    kinds = draw(st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=7))
    kinds.insert(program.pick(0, len(kinds)), draw(st.sampled_from(RECURRENT)))
    for kind in kinds:
        program.values.append(getattr(program, kind)(program.values[-1]))
    return program.done()


def frames_for(graph: Graph, steps: int) -> dict[str, np.ndarray]:
    """[steps, *shape] for each input, of values that the program's constants seed."""
    seed = zlib.crc32(b"".join(a.tobytes() for a in graph.constants.values()))
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.integers(0, TOKENS, (steps, *p.shape)).astype(np.int32)
        if p.dtype == "int32"
        else rng.standard_normal((steps, *p.shape)).astype(np.float32)
        for p in graph.inputs
    }
