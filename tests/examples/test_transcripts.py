"""What recognisers say is compared with what was said."""

from __future__ import annotations

import numpy as np
import pytest

from examples.common.transcripts import best_path, edits, error_rate, read_at

BLANK = 2


def scores(*path: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Of frames in which these labels are the likeliest."""
    return np.eye(3, dtype=np.float32)[list(path)]


def test_repetitions_are_one_label_unless_a_blank_stands_between() -> None:
    path = scores(2, 0, 0, 1, 2, 1, 1, 0)
    assert read_at(BLANK, path) == [(1, 0), (3, 1), (5, 1), (7, 0)]
    assert best_path(BLANK, path).tolist() == [0, 1, 1, 0]
    assert best_path(BLANK, scores(2, 2)).tolist() == []


@pytest.mark.parametrize(
    ("wanted", "found", "count"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2)],
)
def test_edits_are_as_few_as_can_be(wanted: str, found: str, count: int) -> None:
    assert edits([ord(c) for c in wanted], [ord(c) for c in found]) == count


def test_the_error_rate_is_of_all_labels_together() -> None:
    found = [np.asarray(row, np.float32) for row in ([1, 2], [3], [])]
    assert error_rate([(1, 2), (3, 4, 5), (6,)], found) == pytest.approx(100 * 3 / 6)
