"""Integer layers on the numba engine: the reference at all sizes, random and extreme, in each scheme."""

from pathlib import Path

import pytest

from tests.ops.integer_cases.widths import SCHEMES, model, require_same
from tests.support import open_engine, require


@pytest.mark.parametrize("scheme", SCHEMES)
def test_engine_equals_the_reference(scheme: str, tmp_path: Path) -> None:
    require("numba")
    case, _ = model(scheme)
    engine = open_engine(case.graph, "numba", tmp_path)
    require_same(b"".join(y.tobytes() for frames in case.frames for y in engine.run(*frames)), scheme)
