"""Sessions do not use more memory the longer they run."""

import numpy as np
import pytest

from edgernn.errors import EdgeRNNError
from edgernn.runtime.engines import ENGINES
from tests.runtime.sessions import session

LEAK_STEPS = 50_000
LEAK_BYTES = 1_500_000


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("name", ["gru", "tokens"])
@pytest.mark.parametrize("engine", ENGINES)
def test_memory_does_not_grow(engine: str, name: str) -> None:
    try:
        resident_bytes()
    except OSError:
        pytest.skip(f"{engine}: this system does not tell a process its resident memory")
    s, frame = session(name, engine), np.linspace(-1, 1, 5, dtype=np.float32) if name == "gru" else 3

    def run(steps: int) -> None:
        for k in range(steps):
            s.step(frame)
            if k % 100 == 0:
                s.restore(s.snapshot())
            if k % 1000 == 0:
                with pytest.raises(EdgeRNNError):
                    s.step(np.zeros(99))

    run(5_000)
    before = resident_bytes()
    run(LEAK_STEPS)
    assert resident_bytes() - before < LEAK_BYTES
    s.close()
