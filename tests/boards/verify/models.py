"""A model with every recurrent kernel that boards share, and frames for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgernn.boards import load_board
from edgernn.boards.artifacts import Artifact, open_artifact
from edgernn.boards.links import to_ports
from edgernn.boards.verify import HOST_STREAMS, Stream, board_streams, host_stream
from edgernn.boards.verify.streams import Array
from edgernn.ir.builder import Builder
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Gru, Linear, Lstm
from edgernn.quant import quantize
from tests.support import write

IN, LSTM, GRU, OUT = 8, 12, 8, 3
CALIBRATION_FRAMES = 500


def proof_model(seed: int = 5) -> Graph:
    """LSTM 8 to 12, GRU to 8, Linear to 3."""
    graph = Graph("proof")
    b, rng = Builder(graph), np.random.default_rng(seed)

    def draw(*shape: int) -> str:
        return b.constant(rng.uniform(-0.6, 0.6, shape).astype(np.float32))

    def value(name: str, size: int) -> str:
        return b.value(name, ValueType("float32", (size,), StreamInfo()))

    x = value("x", IN)
    graph.inputs.append(Port("x", (IN,), "float32", value=x))
    h, c, g = value("h", LSTM), value("c", LSTM), value("g", GRU)
    h2, c2 = b.add(Lstm(LSTM), [x, h, c, draw(4 * LSTM, IN), draw(4 * LSTM, LSTM), draw(4 * LSTM)])
    g2 = b.add1(Gru(GRU), [h2, g, draw(3 * GRU, LSTM), draw(3 * GRU, GRU), draw(3 * GRU), draw(3 * GRU)])
    y = b.add1(Linear(), [g2, draw(OUT, GRU), draw(OUT)])
    for before, after, size in ((h, h2, LSTM), (c, c2, LSTM), (g, g2, GRU)):
        graph.states.append(State(before, (size,), "float32", np.zeros(size, np.float32), before=before, after=after))
    graph.outputs.append(Port("y", (OUT,), "float32", value=y))
    return graph


def real_frames(steps: int) -> Array:
    """Slow and fast components, which take the gates through their whole range, with outliers that saturate."""
    rng = np.random.default_rng(6)
    time = np.arange(steps)[:, None]
    slow = np.sin(time / rng.uniform(5, 4000, IN) + rng.uniform(0, 6, IN))
    frames = slow + 0.5 * rng.standard_normal((steps, IN))
    frames[rng.integers(0, steps, steps // 1000)] *= 6
    return frames.astype(np.float32)


def in_scheme(scheme: str, seed: int = 5) -> Graph:
    """The model in ``scheme``."""
    graph = proof_model(seed)
    return quantize(graph, [{"x": real_frames(CALIBRATION_FRAMES)}], scheme).graph if scheme != "float32" else graph


def save(graph: Graph, folder: Path) -> Artifact:
    """An artifact of ``graph``."""
    folder.mkdir(exist_ok=True)
    write(graph, folder / "proof.ern")
    return open_artifact(folder / "proof.ern")


def interface_of(graph: Graph) -> Interface:
    """Ports and states."""
    return Interface.of(graph, fingerprint(graph))


def port_frames(graph: Graph, steps: int) -> dict[str, Array]:
    """Frames in the types of the ports."""
    return to_ports(interface_of(graph), {"x": real_frames(steps)})


def hosts(artifact: Artifact, work: Path) -> list[Stream]:
    """All engines of this machine."""
    if artifact.model is None:
        raise ValueError("an .ern file is needed")
    return [host_stream(name, artifact.model, artifact.path, work) for name in HOST_STREAMS]


def boards(artifact: Artifact, names: tuple[str, ...], work: Path) -> list[Stream]:
    """Emulated boards."""
    found = board_streams([load_board(name) for name in names], artifact, work)
    streams = [stream for stream in found if isinstance(stream, Stream)]
    if len(streams) != len(names):
        raise next(stream for stream in found if isinstance(stream, Exception))
    return streams
