"""Artifacts for the tests of the command line."""

from pathlib import Path

import numpy as np
import pytest

from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Binary, Embedding, Gru, Linear
from tests.support import write

RNG = np.random.default_rng(7)


def _weight(builder: Builder, *shape: int) -> str:
    return builder.constant((RNG.standard_normal(shape) * 0.5).astype(np.float32), "w")


def _gru(graph: Graph, x: str, inputs: int, hidden: int) -> str:
    """Append a GRU with its state."""
    builder = Builder(graph)
    h = builder.value("h", ValueType("float32", (hidden,), StreamInfo()))
    weights = [_weight(builder, 3 * hidden, n) for n in (inputs, hidden)]
    after = builder.add1(Gru(hidden), [x, h, *weights, *(_weight(builder, 3 * hidden) for _ in range(2))])
    graph.states.append(State("h", (hidden,), "float32", np.zeros(hidden, np.float32), h, after))
    return after


def _input(graph: Graph, name: str, shape: tuple[int, ...], dtype: str = "float32", limit: int | None = None) -> str:
    value = Builder(graph).value(name, ValueType(dtype, shape, StreamInfo()))
    graph.inputs.append(Port(name, shape, dtype, limit=limit, value=value))
    return value


def _output(graph: Graph, name: str, value: str) -> None:
    graph.outputs.append(Port(name, graph.values[value].shape, "float32", value=value))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def plain(folder: Path) -> Path:
    """x [3] -> y [2], a GRU of 4 and a linear layer."""
    graph = Graph("plain", sample_rate_hz=8000.0)
    builder = Builder(graph)
    h = _gru(graph, _input(graph, "x", (3,)), 3, 4)
    _output(graph, "y", builder.add1(Linear(), [h, _weight(builder, 2, 4), _weight(builder, 2)]))
    write(graph, folder / "plain.ern")
    return folder / "plain.ern"


@pytest.fixture(scope="session")
def tokens(folder: Path) -> Path:
    """token in 0..9 -> y [4]."""
    graph = Graph("tokens")
    token = _input(graph, "token", (), "int32", 10)
    builder = Builder(graph)
    _output(graph, "y", _gru(graph, builder.add1(Embedding(), [token, _weight(builder, 10, 3)]), 3, 4))
    write(graph, folder / "tokens.ern")
    return folder / "tokens.ern"


@pytest.fixture(scope="session")
def several(folder: Path) -> Path:
    """a [3] and b [3] -> total [3], h [4]."""
    graph = Graph("several")
    a, b = _input(graph, "a", (3,)), _input(graph, "b", (3,))
    total = Builder(graph).add1(Binary("add"), [a, b])
    _output(graph, "total", total)
    _output(graph, "h", _gru(graph, total, 3, 4))
    write(graph, folder / "several.ern")
    return folder / "several.ern"
