"""10,000 damaged .ern files and 10,000 damaged snapshots: only edgernn's own errors, quickly, in little memory."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from random import Random

import numpy as np
import pytest

from edgernn import ops
from edgernn.errors import SnapshotError
from edgernn.export.ern import write
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.runtime.engines.reference import ReferenceEngine
from edgernn.runtime.session import Session
from edgernn.runtime.snapshot import HEADER
from tests.fuzz.mutations import mutated_bytes
from tests.ops.cases.base import CaseBuilder

CASES = 10_000
SEED = 20_251
MAX_PEAK_BYTES = 700_000_000


def tagger() -> Graph:
    """A token embedding, a GRU, a normalised residual, two outputs."""
    case = CaseBuilder("tagger")
    token, h = case.tokens(7, 1), case.state(4)
    row = case.builder.add1(ops.Reshape((4,)), [case.builder.add1(ops.Embedding(), [token, case.weight(7, 4)])])
    weights = [case.weight(12, 4), case.weight(12, 4), case.weight(12), case.weight(12)]
    y = case.builder.add1(ops.Gru(4), [row, h, *weights])
    case.carry(h, y)
    z = case.builder.add1(
        ops.LayerNorm(1e-5), [case.builder.add1(ops.Binary("add"), [y, row]), case.weight(4), case.weight(4)]
    )
    return case.done(case.builder.add1(ops.Linear(), [z, case.weight(3, 4), case.weight(3)]), y).graph


def moves() -> Graph:
    """Every op that moves or reduces elements, a custom state, two inputs."""
    case = CaseBuilder("moves")
    x, y, s = case.input(2, 3), case.input(6), case.state(6)
    turned = case.builder.add1(ops.Transpose((-1, -2)), [x])
    product = case.builder.add1(ops.Matmul(), [turned, case.weight(2, 5)])
    small = case.builder.add1(ops.Reduce("sum", (-1,)), [product])
    wide = case.builder.add1(ops.Concat(-1), [small, case.builder.add1(ops.Slice(-1, 0, 6, 2), [y])])
    soft = case.builder.add1(ops.Softmax(-1), [case.builder.add1(ops.Unary("clip", (-1.0, 1.0)), [wide])])
    after = case.builder.add1(
        ops.Binary("mul"), [case.builder.add1(ops.Binary("add"), [s, soft]), case.builder.scalar(0.5)]
    )
    case.carry(s, after)
    flat = case.builder.add1(ops.Reshape((2, 3)), [after])
    return case.done(case.builder.add1(ops.Expand((4, 2, 3)), [flat])).graph


def lstm() -> Graph:
    case = CaseBuilder("lstm")
    x, h, c = case.input(3), case.state(2), case.state(4)
    weights = [case.weight(16, 3), case.weight(16, 2), case.weight(16), case.weight(2, 4)]
    y, cell = case.builder.add(ops.Lstm(4, 2), [x, h, c, *weights])
    case.carry(h, y)
    case.carry(c, cell)
    return case.done(y).graph


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    paths = []
    for graph in (tagger(), moves(), lstm()):
        paths.append(folder / f"{len(paths)}.ern")
        write(graph, paths[-1])
    return paths


def test_damaged_artifacts(artifacts: list[Path]) -> None:
    command = [sys.executable, "-m", "tests.fuzz.artifacts", str(SEED), str(CASES), *map(str, artifacts)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, cwd=Path.cwd(), check=False
    )
    assert run.stdout, run.stderr[-3000:]
    summary = json.loads(run.stdout)
    assert run.returncode == 0, "\n".join(summary["failures"])
    outcomes = summary["outcomes"]
    assert sum(outcomes.values()) == CASES
    assert outcomes["ArtifactError"] > CASES / 2 and outcomes["ran"] > CASES / 100, outcomes
    assert summary["peak_bytes"] < MAX_PEAK_BYTES


def resealed(blob: bytes) -> bytes:
    """A snapshot with a length and CRC that fit, so that the checks behind them are reached."""
    payload = blob[HEADER.size :]
    head = blob[: HEADER.size - 8] + struct.pack("<I", len(payload))
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def test_damaged_snapshots() -> None:
    sessions = []
    for graph in (tagger(), lstm()):
        session = Session(ReferenceEngine(Interface.of(graph, fingerprint(graph)), graph))
        session.step(np.zeros(session.inputs[0].shape, session.inputs[0].dtype))
        sessions.append((session, session.snapshot()))
    rng, refused, accepted = Random(SEED), 0, 0
    for number in range(CASES):
        session, blob = sessions[number % 2]
        before = session.get_states()
        damaged = mutated_bytes(blob, rng)
        if number % 4 >= 2 and len(damaged) >= HEADER.size:
            damaged = resealed(damaged)
        try:
            session.restore(damaged)
        except SnapshotError:
            refused += 1
            for state, old in zip(session.get_states().values(), before.values(), strict=True):
                np.testing.assert_array_equal(state, old)
        else:
            accepted += 1
            assert len(damaged) == len(blob)
            assert all(np.isfinite(state).all() for state in session.get_states().values())
            session.restore(blob)
    assert refused > CASES / 2 and 0 < accepted < CASES / 2
