"""Every integer case on the runtimes whose integer arithmetic is their own, within a tolerance."""

from pathlib import Path

import numpy as np
import pytest

from tests.ops.cases.base import Case
from tests.ops.integer_cases.foreign import foreign_cases
from tests.ops.integer_cases.real import real_run
from tests.ops.test_engines import reference_run
from tests.support import open_engine, require

REFERENCES = {"tflite": reference_run, "onnxruntime": real_run}
"""Engine -> what it is near to. Recurrent layers in ONNX compute with real values, which do not saturate."""


@pytest.mark.parametrize("engine", REFERENCES)
@pytest.mark.parametrize("case", foreign_cases(), ids=str)
def test_engine_is_near_the_reference(case: Case, engine: str, tmp_path: Path) -> None:
    require(engine)
    expected, expected_states = REFERENCES[engine](case)
    loaded = open_engine(case.graph, engine, tmp_path)
    found = [loaded.run(*frames) for frames in case.frames]
    for wanted, have in zip([*expected, expected_states], [*found, loaded.get_states()], strict=True):
        for w, h in zip(wanted, have, strict=True):
            assert (h.shape, h.dtype) == (w.shape, w.dtype)
            assert np.abs(h.astype(np.int64) - w).max() <= case.tolerance * np.iinfo(w.dtype).max
    loaded.close()
