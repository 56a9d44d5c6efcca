"""Strokes from SVG paths: how a pen goes along them, and of which characters they are."""

from __future__ import annotations

import numpy as np
import pytest

from examples.handwriting import data as strokes

needs_strokes = pytest.mark.skipif(not strokes.PACKAGE.installed, reason=strokes.PACKAGE.install)


@needs_strokes
def test_no_character_is_on_both_sides() -> None:
    paths = strokes.PACKAGE.files(strokes.FOLDER, strokes.PATTERN)
    held_out = [path for path in paths if strokes._is_held_out(path)]
    assert len(paths) == 6703
    assert 0.09 < len(held_out) / len(paths) < 0.11
    assert len(strokes.held_out()) == sum(1 for path in held_out for _ in strokes.strokes(path)) == 7649
    assert not {path.stem for path in held_out} & {path.stem for path in paths if path not in held_out}


@needs_strokes
def test_the_strokes_of_a_character_are_those_of_its_file() -> None:
    """明 is 日, whose strokes are down, across and down, across, across, and 月."""
    (path,) = strokes.PACKAGE.files(strokes.FOLDER, "0660e.svg")
    found = list(strokes.strokes(path))
    assert [strokes.KINDS[stroke.label] for stroke in found] == list("㇑㇕㇐㇐㇓㇆㇐㇐")
    assert np.allclose(found[0].curve[0], (16.75, 25.22)) and np.allclose(found[0].curve[-1], (18.05, 70.42))
    assert np.allclose(found[2].positions[-1], (41.77, 44.76))


def test_curves_are_those_of_the_path() -> None:
    """Absolute and relative, one after the other, and smooth ones, whose first pull mirrors the last."""
    relative = strokes.sampled("M10,20c0,0,5-5,10-5s10,5,10,5")
    absolute = strokes.sampled("M10,20C10,20,15,15,20,15S30,20,30,20")
    chained = strokes.sampled("m10,20c0,0,5-5,10-5,5,0,10,5,10,5")
    assert np.allclose(relative, absolute) and np.allclose(relative, chained)
    half = (np.array([10, 20]) + 3 * np.array([10, 20]) + 3 * np.array([15, 15]) + np.array([20, 15])) / 8
    assert np.abs(relative - half).sum(axis=1).min() < 1e-9
    assert np.allclose(relative[[0, 32, 64]], [(10, 20), (20, 15), (30, 20)])
    with pytest.raises(ValueError, match="reshape"):
        strokes.sampled("M10,20c0,0,5")


def test_the_pen_goes_as_far_at_each_step() -> None:
    corner = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 7.0)])
    positions = strokes.along(corner, 2.0)
    assert np.allclose(positions, [(0, 0), (2, 0), (4, 0), (6, 0), (8, 0), (10, 0), (10, 2), (10, 4), (10, 6), (10, 7)])
