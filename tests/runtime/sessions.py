"""Small programs for the tests of sessions, each written once for every engine."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from edgernn import ops
from edgernn.ir.graph import Graph, Port
from edgernn.runtime import Session, load
from tests.ops.cases.base import CaseBuilder
from tests.support import SUFFIX_OF_ENGINE, require, write

TOKENS = 7


def gru() -> Graph:
    """Frames of five numbers in, three numbers out."""
    case = CaseBuilder("session_gru")
    x, h = case.input(5), case.state(6)
    y = case.builder.add1(ops.Gru(6), [x, h, case.weight(18, 5), case.weight(18, 6), case.weight(18), case.weight(18)])
    case.carry(h, y)
    return case.done(case.builder.add1(ops.Linear(), [y, case.weight(3, 6), case.weight(3)])).graph


def other_gru() -> Graph:
    """The same shapes, other weights."""
    case = CaseBuilder("session_other")
    x, h = case.input(5), case.state(6)
    y = case.builder.add1(ops.Gru(6), [x, h, case.weight(18, 5), case.weight(18, 6), case.weight(18), case.weight(18)])
    case.carry(h, y)
    return case.done(case.builder.add1(ops.Linear(), [y, case.weight(3, 6), case.weight(3)])).graph


def scalar() -> Graph:
    """One number in, one number out: a leaky integrator."""
    case = CaseBuilder("session_scalar")
    x, s = case.input(1), case.state(1)
    y = case.builder.add1(ops.Binary("add"), [case.builder.add1(ops.Binary("mul"), [s, case.builder.scalar(0.5)]), x])
    case.carry(s, y)
    return case.done(y).graph


def tokens() -> Graph:
    """One index in, an LSTM, two outputs."""
    case = CaseBuilder("session_tokens")
    token, h, c = case.tokens(TOKENS, 1), case.state(4), case.state(4)
    row = case.builder.add1(ops.Reshape((3,)), [case.builder.add1(ops.Embedding(), [token, case.weight(TOKENS, 3)])])
    y, cell = case.builder.add(ops.Lstm(4), [row, h, c, case.weight(16, 3), case.weight(16, 4), case.weight(16)])
    case.carry(h, y)
    case.carry(c, cell)
    return case.done(y, cell).graph


def two_inputs() -> Graph:
    """A matrix and an index in, one output."""
    case = CaseBuilder("session_two")
    matrix, token, h = case.input(2, 3), case.tokens(TOKENS, 1), case.state(4)
    row = case.builder.add1(ops.Reshape((3,)), [case.builder.add1(ops.Embedding(), [token, case.weight(TOKENS, 3)])])
    flat = case.builder.add1(ops.Reshape((6,)), [matrix])
    x = case.builder.add1(ops.Concat(-1), [flat, row])
    y = case.builder.add1(ops.Rnn(4), [x, h, case.weight(4, 9), case.weight(4, 4), case.weight(4)])
    case.carry(h, y)
    graph = case.done(y).graph
    graph.inputs = [
        Port(n, p.shape, p.dtype, p.kind, p.limit, p.value)
        for n, p in zip(("matrix", "token"), graph.inputs, strict=True)
    ]
    return graph


PROGRAMS = {f.__name__: f for f in (gru, other_gru, scalar, tokens, two_inputs)}
FOLDER = Path(mkdtemp(prefix="edgernn-sessions-"))


@cache
def artifact(name: str, engine: str) -> Path:
    """A file of one of PROGRAMS that ``engine`` runs."""
    path = FOLDER / f"{name}{SUFFIX_OF_ENGINE[engine]}"
    if not path.exists():
        write(PROGRAMS[name](), path)
    return path


def session(name: str, engine: str) -> Session:
    """A new session of one of PROGRAMS; skips the test where the engine is not installed."""
    require(engine)
    return load(artifact(name, engine), engine)
