"""The facade: convert, save, validate; what is written, and that nothing is left behind when it is not."""

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import OutputError, UsageError, ValidationError
from tests.capture.support import randomized
from tests.support import require

torch.set_num_threads(1)


class KeywordSpotter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.gru(x)[0])


@pytest.fixture(scope="module")
def model() -> edgernn.Model:
    return edgernn.convert(randomized(KeywordSpotter()), inputs="1,T,6")


def test_model(model: edgernn.Model) -> None:
    assert model.name == "keyword_spotter"
    assert repr(model) == "<Model keyword_spotter: x[6], output[3]; 2 nodes; 20 B of state>"
    named = edgernn.convert(KeywordSpotter(), inputs="1,T,6", name="my model!", sample_rate_hz=100)
    assert named.name == "my_model" and named.interface.sample_rate_hz == 100


@pytest.mark.parametrize("suffix", [".ern", ".onnx", ".tflite", ".so", ".c"])
def test_save(model: edgernn.Model, suffix: str, tmp_path: Path) -> None:
    engine = {".onnx": "onnxruntime", ".tflite": "tflite"}.get(suffix)
    if engine:
        require(engine)
    path = tmp_path / "new" / "folder" / f"kws{suffix}"
    calls: list[tuple[str, int, int]] = []
    report = model.save(path, drift_steps=300, progress=lambda *call: calls.append(call))
    assert report.passed and report.path == str(path) and report.size_bytes == path.stat().st_size
    assert report.drift[0].steps == 300 and report.failures() == []
    assert {stage for stage, _, _ in calls} >= {f"write kws{suffix}", "drift"}
    expected = {f"kws{suffix}"} if suffix != ".c" else {"kws.c", "kws.h"}
    assert expected <= set(os.listdir(path.parent))
    assert not [name for name in os.listdir(path.parent) if name.startswith(".edgernn-")]


def test_files_are_readable_by_others_as_the_umask_says(model: edgernn.Model, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        model.save(tmp_path / "kws.ern")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kws.ern").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["kws", "kws.pt", "kws.ERN", "kws.onnx.zip"])
def test_unknown_suffix(model: edgernn.Model, name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown suffix .*; artifacts end in .ern, .onnx, .tflite, .c, .so"):
        model.save(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_folder_that_cannot_be_made(model: edgernn.Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"kws\.ern: cannot be written") as caught:
        model.save(tmp_path / "file" / "kws.ern")
    assert caught.value.exit_code == 2
    assert os.listdir(tmp_path) == ["file"]


def test_target_that_is_a_folder(model: edgernn.Model, tmp_path: Path) -> None:
    (tmp_path / "kws.ern").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        model.save(tmp_path / "kws.ern")
    assert os.listdir(tmp_path) == ["kws.ern"]


def test_full_disk(model: edgernn.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    (tmp_path / "kws.ern").write_bytes(b"older")
    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(OutputError, match="No space left on device"):
        model.save(tmp_path / "kws.ern")
    assert os.listdir(tmp_path) == ["kws.ern"] and (tmp_path / "kws.ern").read_bytes() == b"older"


def test_interruption_leaves_nothing(model: edgernn.Model, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "drift":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.save(tmp_path / "kws.ern", drift_steps=300, progress=interrupt)
    assert os.listdir(tmp_path) == []


def test_validate(model: edgernn.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "kws.ern")
    report = edgernn.validate(tmp_path / "kws.ern", model, engine="reference", drift_steps=200)
    assert report.passed and report.engine == "reference" and report.drift[0].steps == 200
    other = edgernn.convert(randomized(KeywordSpotter(), 5), inputs="1,T,6")
    with pytest.raises(ValidationError, match="made from another model or other weights"):
        edgernn.validate(tmp_path / "kws.ern", other)


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        ([{"y": np.zeros((4, 6), np.float32)}], r"sequence 0 has inputs \['y'\], the model has \['x'\]"),
        ([{"x": np.zeros((4, 7), np.float32)}], r"shape \('T', 6\) expected, found \(4, 7\)"),
        ([{"x": np.zeros((0, 6), np.float32)}], "frames"),
        ([{"x": np.full((4, 6), np.nan, np.float32)}], "finite float32 expected"),
        ([{"x": np.zeros((4, 6), np.int64)}], "finite float32 expected"),
    ],
)
def test_calibration_that_does_not_fit(model: edgernn.Model, calibration: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        model.save(tmp_path / "kws.ern", calibration=calibration)
    assert os.listdir(tmp_path) == []


def test_calibration_is_compared_too(model: edgernn.Model, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = [{"x": (rng.standard_normal((n, 6)) * 3).astype(np.float64)} for n in (30, 50)]
    report = model.save(tmp_path / "kws.ern", calibration=real)
    assert report.outputs[0].frames == 1 + 2 + 23 + 64 + 30 + 50


def test_report(model: edgernn.Model, tmp_path: Path) -> None:
    report = model.report([model.save(tmp_path / "kws.ern")], "random")
    plain = report.to_plain()
    assert (
        plain["passed"] and plain["model"] == "keyword_spotter" and plain["fingerprint"] == model.interface.fingerprint
    )
    assert [(layer["op"], layer["weights"]) for layer in plain["layers"]] == [("gru", 195), ("linear", 18)]
    assert plain["states"] == [{"name": "gru_h", "shape": (5,), "dtype": "float32", "bytes": 20}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "give either an example or inputs"),
        ({"example": torch.zeros(1, 5, 6), "inputs": "1,T,6"}, "give either an example or inputs"),
        ({"example": "1,T,6"}, "must be a tensor or a tuple"),
        ({"example": torch.zeros(1, 1, 1)}, "no axis longer than 1 could be time"),
        ({"inputs": []}, "no input has a time axis"),
        ({"inputs": "1,T,6", "state": "1,T,5"}, "a state has one shape at every step"),
        ({"inputs": [3]}, "an input is a tensor or one of"),
    ],
)
def test_convert_refuses_unclear_inputs(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        edgernn.convert(KeywordSpotter(), **arguments)


def test_load_and_run_what_was_saved(model: edgernn.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "kws.ern")
    x = torch.randn(1, 12, 6)
    with torch.no_grad():
        wanted = model.reference.module(x)[0].numpy()
    with edgernn.load(tmp_path / "kws.ern") as session:
        found = np.stack(list(session.stream(x[0].numpy())))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
