"""Lines of digits: what they are made of, and how they are read."""

from __future__ import annotations

import numpy as np
import pytest

from examples.common import digits
from examples.common.digits import Digits
from examples.handwriting_ocr import data as lines
from examples.handwriting_ocr.run import read

needs_digits = pytest.mark.skipif(not lines.PACKAGE.installed, reason=lines.PACKAGE.install)


@needs_digits
def test_lines_are_made_of_their_digits() -> None:
    whole = Digits(np.ones((10, digits.SIZE, digits.SIZE), np.float32), np.arange(10))
    made = lines.lines(whole, 20, np.random.default_rng(0))
    least = 2 * lines.MARGIN + lines.LENGTH * digits.SIZE
    for columns in made.columns:
        assert least <= len(columns) <= least + lines.LENGTH * lines.GAP + 1 and len(columns) % 2 == 0
        assert ((columns > 0).sum(axis=1) > 0).sum() == lines.LENGTH * digits.SIZE
        assert set((columns > 0).sum(axis=1)) <= {0, digits.SIZE}
    assert made.texts.shape == (20, lines.LENGTH) and len(np.unique(made.texts)) == 10
    assert len(lines.held_out()) == lines.HELD_OUT_LINES


def test_the_best_path_loses_blanks_and_repetitions() -> None:
    path = [0, 3, 3, 0, 3, 10, 10, 0, 0, 1]
    scores = np.eye(lines.SYMBOLS, dtype=np.float32)[path]
    assert read(scores, scores).tolist() == [2, 2, 9, 0]
    assert read(scores[:1], scores[:1]).tolist() == []
