"""What is run on a Raspberry Pi finds an answer that differs: a few cases, on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.ops.cases import all_cases
from tests.ops.integer_cases import integer_cases
from tests.pi import check, write

KINDS = {
    "floats": (lambda: all_cases()[:3], ("onnxruntime", "reference")),
    "integers": (lambda: integer_cases()[:3], ("reference",)),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cases of floats and of integers."""
    monkeypatch.setattr(write, "KINDS", KINDS)
    write.main(tmp_path)
    return tmp_path


def spoil(folder: Path, kind: str, name: str, amount: float) -> None:
    """Change one saved answer."""
    path = folder / f"{kind}.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    arrays[name] = (arrays[name] + amount).astype(arrays[name].dtype)
    np.savez(path, allow_pickle=False, **arrays)


def test_right_answers_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(folder, "rpi4", []) == 0
    text = capsys.readouterr().out
    assert "rpi4: 9 passed, 0 failed, 0 skipped" in text
    assert "onnxruntime floats.onnx" in text


@pytest.mark.parametrize(
    ("kind", "name", "amount"),
    [("floats", "y2_0", 1e-3), ("floats", "state0", 1e-3), ("integers", "y5_0", 1), ("integers", "state0", 1)],
)
def test_a_wrong_answer_fails(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str, amount: float
) -> None:
    spoil(folder, kind, name, amount)
    assert check.main(folder, "rpi4", [f"reference:{kind}"]) == 1
    first = json.loads((folder / "manifest.json").read_text())["runs"][0 if kind == "floats" else -1]["cases"][0]
    text = capsys.readouterr().out
    assert f"rpi4: FAILED {first}" in text and "2 passed, 1 failed" in text


def test_running_nothing_is_no_success(folder: Path) -> None:
    assert check.main(folder, "rpi4", ["native"]) == 1


def test_a_missing_engine_is_skipped_with_its_reason(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgernn.runtime.engines.onnxruntime.find_spec", lambda name: None)
    assert check.main(folder, "rpi4", []) == 0
    text = capsys.readouterr().out
    assert "rpi4: SKIPPED onnxruntime on floats.onnx: " in text and "pip install 'edgernn[onnxruntime]'" in text
    assert "6 passed, 0 failed, 3 skipped" in text
