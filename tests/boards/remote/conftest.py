"""Two small artifacts, frames for them, and a server that leads back to this machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edgernn.boards.remote import Request
from edgernn.export.ern import write as write_ern
from tests.boards.remote import sshd
from tests.boards.test_model import IN, small_model, stream

STEPS = 40


@pytest.fixture(scope="session")
def requests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Request]:
    """``floats`` and ``integers``: the same model on the reference engine, 100 steps at least."""
    folder = tmp_path_factory.mktemp("artifacts")
    write_ern(small_model(), folder / "floats.ern")
    write_ern(stream("int16x8")[0], folder / "integers.ern")
    frames = {"x": np.random.default_rng(3).standard_normal((STEPS, IN)).astype(np.float32)}
    return {name: Request(folder / f"{name}.ern", "reference", frames, steps=100) for name in ("floats", "integers")}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    """A server whose programs put temporary files into ``server.temporary``."""
    started = sshd.start(tmp_path_factory.mktemp("sshd"))
    yield started
    started.process.terminate()
    started.process.wait()
