"""The classifier in integers keeps its accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples.spoken_digits import calibration, integers
from tests.examples.test_spoken_digits import needs_recordings


@needs_recordings
def test_int16x8_is_within_a_tenth_of_a_point_of_float(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = integers.measure(tmp_path, 600)
    accuracy = {(row.scheme, row.engine): row.score.accuracy for row in rows}
    for engine in ("numba", "native"):
        assert abs(accuracy["int16x8", engine] - accuracy["float32", engine]) <= 0.001
    sqnr = {row.engine: row.sqnr_db for row in rows if row.scheme == "int16x8"}
    assert sqnr["numba"] == sqnr["native"]
    assert sqnr["native"] is not None
    assert sqnr["native"] > 40
    integers.show(rows, 600)
    assert "int16x8" in capsys.readouterr().out


@needs_recordings
def test_calibration_recordings_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibration.main([str(tmp_path / "c.npz"), "--count", "5"]) == 0
    with np.load(tmp_path / "c.npz") as arrays:
        assert len(arrays.files) == 5
        assert all(array.shape[1] == 13 for array in arrays.values())
    assert "5 recordings" in capsys.readouterr().out
