"""What look-ahead costs a trained tagger."""

from __future__ import annotations

import pytest

from benchmarks.lookahead import measured
from examples.labelling.data import PACKAGE
from examples.labelling.run import TASK


@pytest.mark.skipif(not PACKAGE.installed, reason=PACKAGE.install)
def test_a_chunk_and_as_many_words_ahead_lose_nothing() -> None:
    whole, row = measured(TASK.trained(), ((4, 4),))
    assert (whole.work, whole.relative) == (1.0, 0.0)
    assert row.parts >= whole.parts - 0.1 and row.names >= whole.names - 1
    assert 0.001 < row.relative < 0.05
    assert (row.latest, row.state_bytes) == (7, 3080)
    assert 1.4 < row.work < 1.5, "twice the backward direction, once the forward one"
