"""Every integer case on every engine that runs integers, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from tests.ops.cases.base import Case
from tests.ops.integer_cases import integer_cases, narrow_cases
from tests.ops.test_engines import reference_run
from tests.support import open_engine

ENGINES = ["reference", "native", "numba"]
CASES = [*integer_cases(), *narrow_cases()]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_engine_equals_the_reference_bit_for_bit(case: Case, engine: str, tmp_path: Path) -> None:
    expected, expected_states = reference_run(case)
    loaded = open_engine(case.graph, engine, tmp_path)
    for frames, want in zip(case.frames, expected, strict=True):
        for w, h in zip(want, loaded.run(*frames), strict=True):
            assert (h.shape, h.dtype) == (w.shape, w.dtype)
            np.testing.assert_array_equal(h, w)
    for w, h in zip(expected_states, loaded.get_states(), strict=True):
        np.testing.assert_array_equal(h, w)
    loaded.close()
