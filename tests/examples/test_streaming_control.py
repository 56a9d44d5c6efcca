"""The example of walking: labels, variants, errors."""

from __future__ import annotations

import numpy as np
import pytest

from examples.streaming_control import data, train

needs_walks = pytest.mark.skipif(not data.PACKAGE.installed, reason=data.PACKAGE.install)


@needs_walks
def test_labels_are_made_as_those_of_the_recordings_were() -> None:
    for person, recording in (("H", data.load("H")[1]), ("J", data.load("J")[2])):
        phase, walks = data.label(recording.hip[:, 0].astype(float))
        found = np.stack([np.cos(phase), np.sin(phase)], axis=1)
        assert data.errors(recording.phase, found).mean() < 0.07, person
        assert (walks == recording.walking).mean() > 0.99


@needs_walks
def test_a_variant_is_another_walk_with_labels_of_its_own() -> None:
    recording = data.load("H")[3]
    variant = train.variant(recording, np.random.default_rng(3))
    angle = variant.hip[:, 0] - variant.hip[:, 0].mean()
    assert np.corrcoef(angle, recording.hip[:, 0])[0, 1] < 0.95
    assert len(variant) == len(recording) and 0.4 < variant.walking.mean() < 1
    high = angle[variant.walking & (np.abs(variant.phase) > 2.8)].mean()
    assert high > angle[variant.walking & (np.abs(variant.phase) < 0.3)].mean() + 0.2


def test_phases_differ_on_the_circle() -> None:
    wanted = np.asarray([3.1, 0.0, 1.0], np.float32)
    angle = np.asarray([-3.1, 0.5, 1.0])
    found = np.stack([5 * np.cos(angle), 5 * np.sin(angle)], axis=1)
    np.testing.assert_allclose(data.errors(wanted, found), [2 * np.pi - 6.2, 0.5, 0], atol=1e-6)
