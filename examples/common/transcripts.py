"""Sequences of labels that recognisers say, and how many of them are wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.runtime.decode import CtcGreedy
from examples.common.task import Answer


def read_at(blank: int, scores: Answer) -> list[tuple[int, int]]:
    """Frames and labels of the likeliest path of ``scores`` [T, labels]: where a label begins that is not ``blank``
    and not that of the frame before (Graves et al., 2006)."""
    greedy = CtcGreedy(blank)
    return [(frame, label) for frame, row in enumerate(scores) if (label := greedy.step(row)) is not None]


def best_path(blank: int, scores: Answer) -> Answer:
    """The labels of ``read_at``, one after another."""
    return np.asarray([label for _, label in read_at(blank, scores)], np.float32)


def edits(wanted: Sequence[object], found: Sequence[object]) -> int:
    """The least number of insertions, deletions and substitutions that make one the other (Levenshtein, 1965)."""
    row = list(range(len(found) + 1))
    for k, label in enumerate(wanted, 1):
        before, row = row, [k]
        for j, other in enumerate(found, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (label != other)))
    return row[-1]


def error_rate(wanted: Sequence[Sequence[int]], found: Sequence[Answer]) -> float:
    """Edits for each label that was wanted, over all sequences together, in percent."""
    wrong = sum(edits(a, [int(label) for label in b]) for a, b in zip(wanted, found, strict=True))
    return 100 * wrong / sum(map(len, wanted))
