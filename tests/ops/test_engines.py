"""Every op case on every engine, compared with the NumPy reference."""

from pathlib import Path

import numpy as np
import pytest

from edgernn.ir.codec import fingerprint
from edgernn.ir.interface import Interface
from edgernn.runtime.engines import ENGINES
from edgernn.runtime.engines.reference import ReferenceEngine
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case
from tests.support import open_engine

CASES = all_cases()


def reference_run(case: Case) -> tuple[list[tuple[np.ndarray, ...]], list[np.ndarray]]:
    engine = ReferenceEngine(Interface.of(case.graph, fingerprint(case.graph)), case.graph)
    return [engine.run(*frames) for frames in case.frames], engine.get_states()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_engine_equals_reference(case: Case, engine: str, tmp_path: Path) -> None:
    if engine in case.skip:
        pytest.skip(f"{engine}: {case.skip[engine]}")
    expected, expected_states = reference_run(case)
    loaded = open_engine(case.graph, engine, tmp_path)
    found = [loaded.run(*frames) for frames in case.frames]
    for want, have in zip(expected, found, strict=True):
        for w, h in zip(want, have, strict=True):
            assert h.shape == w.shape and h.dtype == w.dtype
            np.testing.assert_allclose(h, w, rtol=0, atol=case.tolerance * max(1.0, np.abs(w).max()))
    for w, h in zip(expected_states, loaded.get_states(), strict=True):
        np.testing.assert_allclose(h, w, rtol=0, atol=case.tolerance * max(1.0, np.abs(w).max()))
    loaded.reset()
    again = [loaded.run(*frames) for frames in case.frames]
    for first, second in zip(found, again, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)
    loaded.close()
