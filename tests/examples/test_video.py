"""The films of moving digits: where they move, and which images they show."""

from __future__ import annotations

import numpy as np
import pytest

from examples.common import digits
from examples.common.digits import Digits
from examples.video import data

needs_digits = pytest.mark.skipif(not data.PACKAGE.installed, reason=data.PACKAGE.install)


@needs_digits
def test_the_images_of_held_out_films_are_new() -> None:
    known, held_out = digits.train_and_held_out()
    assert (len(known), len(held_out)) == (1437, 360)
    assert known.images.max() == held_out.images.max() == 1 and known.images.min() == 0
    assert set(held_out.labels) == set(range(digits.DIGITS))
    seen = {image.tobytes() for image in known.images}
    assert not any(image.tobytes() in seen for image in held_out.images)


@needs_digits
def test_held_out_films_are_the_same_each_time() -> None:
    films = data.held_out()
    again = data.films(digits.train_and_held_out()[1], len(films), np.random.default_rng(data.HELD_OUT_SEED))
    assert np.array_equal(films.frames, again.frames) and np.array_equal(films.labels, again.labels)
    assert 0.1 < np.bincount(films.labels).min() / len(films) * 8 <= 1


def test_the_digit_moves_where_the_label_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single bright pixel, followed around the torus by the angles of its place."""
    monkeypatch.setattr(data, "NOISE_STD", 0.0)
    dot = np.zeros((1, digits.SIZE, digits.SIZE), np.float32)
    dot[0, 3, 3] = 1
    films = data.films(Digits(dot, np.zeros(1, np.int64)), 40, np.random.default_rng(1))
    turns = np.exp(2j * np.pi * np.arange(data.SIZE) / data.SIZE)
    for frames, label in zip(films.frames, films.labels, strict=True):
        places = np.stack([frames.sum(axis=2) @ turns, frames.sum(axis=1) @ turns], axis=1)
        moved = np.angle(places[1:] / places[:-1]).sum(axis=0) * data.SIZE / (2 * np.pi) / (len(frames) - 1)
        speed = np.abs(moved).max()
        assert data.SPEED[0] * 0.9 <= speed <= data.SPEED[1] * 1.1
        assert np.allclose(moved / speed, data.STEPS[label], atol=0.15)


def test_whole_shifts_are_rolls() -> None:
    field = np.random.default_rng(2).random((1, data.SIZE, data.SIZE)).astype(np.float32)
    shift = np.array([[[3.0, 15.0], [16.0, 0.5]]])
    moved = data._moved(field, shift)[0]
    assert np.allclose(moved[0], np.roll(field[0], (3, 15), axis=(0, 1)), atol=1e-6)
    assert np.allclose(moved[1], (field[0] + np.roll(field[0], 1, axis=1)) / 2, atol=1e-6)
