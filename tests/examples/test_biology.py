"""Windows around splice sites: relatives are on one side of the split."""

from __future__ import annotations

import numpy as np
import pytest

from examples.biology import data

needs_windows = pytest.mark.skipif(not data.PACKAGE.installed, reason=data.PACKAGE.install)


@needs_windows
def test_no_held_out_window_has_relatives_in_training() -> None:
    known, held_out = data.train_and_held_out()
    assert len(known) + len(held_out) == 3005
    assert 0.17 < len(held_out) / 3005 < 0.23
    starts = range(data.WINDOW - data.SHARED + 1)
    seen = {row[k : k + data.SHARED].tobytes() for row in known.bases for k in starts}
    assert not any(row[k : k + data.SHARED].tobytes() in seen for row in held_out.bases for k in starts)


@needs_windows
def test_labels_stand_with_their_windows() -> None:
    """Donors begin with GT, acceptors end with AG, nearly always."""
    known, held_out = data.train_and_held_out()
    bases = np.concatenate([known.bases, held_out.bases])
    labels = np.concatenate([known.labels, held_out.labels])
    middle = data.WINDOW // 2
    donors = bases[labels == data.CLASSES.index("EI"), middle : middle + 2]
    acceptors = bases[labels == data.CLASSES.index("IE"), middle - 2 : middle]
    assert np.mean(donors == [data.BASES.index(base) for base in "GT"]) > 0.97
    assert np.mean(acceptors == [data.BASES.index(base) for base in "AG"]) > 0.97
    assert bases.max() == data.UNKNOWN


def test_families_join_through_others() -> None:
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 120))
    other = "".join(np.random.default_rng(1).choice(list("ACGT"), 60))
    one, two, three = text[:60], text[35:95], text[60:120]
    found = data.families([one, other, three, two])
    assert found[0] == found[2] == found[3] == min(one, two, three)
    assert found[1] == other
    assert len(set(data.families([one, other, three]))) == 3


def test_position_weights_find_a_base_at_a_place() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    bases = rng.integers(0, 4, (300, data.WINDOW))
    bases[:, 7] = labels
    windows = data.Windows(bases, labels)
    assert data.score_of_position_weights(windows.take(labels >= 0), windows) > 99
