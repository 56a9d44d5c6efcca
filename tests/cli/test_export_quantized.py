"""``edgernn export --quant``: all formats by default, each proved, or none."""

from pathlib import Path

import numpy as np
import pytest

from edgernn.runtime import load
from tests.cli.support import cli, ok

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        self.gru = nn.GRU(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.gru(self.lstm(x)[0])[0])


class FiveAxes(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 32, batch_first=True)

    def forward(self, x):
        y = self.gru(x)[0]
        y = y.reshape(y.shape[0], y.shape[1], 2, 2, 2, 2, 2)
        return y.permute(0, 1, 6, 3, 4, 5, 2).flatten(2)
"""
ARTIFACTS = ("c", "ern", "h", "onnx", "so", "tflite")
SCHEMES = ("int16x8", "int8", "int16x4", "weights8")
OWN_CHECKS = {"onnx": "arithmetic of the runtime", "tflite": "arithmetic of the runtime", "ern": "bit identity"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(SOURCE)
    np.save("real.npy", np.random.default_rng(0).standard_normal((3, 60, 4)).astype(np.float32))
    return tmp_path / "out"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_formats_are_written_proved_and_near_one_another(scheme: str, here: Path) -> None:
    call = ("export", "net.py:Net", "--input", "1,T,4", "--quant", scheme, "--calibration", "real.npy")
    plain = ok(cli(*call, "--drift-steps", 0, "-o", here, "--json")).json
    assert plain["passed"] is True and plain["scheme"] == scheme
    assert {p.suffix[1:] for p in here.glob("net.*") if ".report." not in p.name} == set(ARTIFACTS)
    checks = {a["path"].rpartition(".")[2]: {p["name"]: p for p in a["properties"]} for a in plain["artifacts"]}
    assert set(checks) == {"onnx", "tflite", "c", "ern", "so"}
    for suffix, name in OWN_CHECKS.items():
        assert checks[suffix]["same program" if scheme == "weights8" else name]["passed"]
    assert_agreement(here, scheme)


def assert_agreement(folder: Path, scheme: str) -> None:
    """The .onnx and the .tflite give nearly what the .ern gives, and have the same states."""
    frames, found, states = np.load("real.npy")[0], {}, {}
    for suffix, engine in (("ern", "reference"), ("onnx", "onnxruntime"), ("tflite", "tflite")):
        with load(folder / f"net.{suffix}", engine) as session:
            found[suffix] = np.stack([session.step(frame) for frame in frames])
            states[suffix] = [(s.name, s.dtype, s.scale) for s in session.states]
    limit = {"int8": 0.05}.get(scheme, 0.005) * np.abs(found["ern"]).max()
    for suffix in ("onnx", "tflite"):
        assert states[suffix] == states["ern"]
        assert np.abs(found[suffix] - found["ern"]).max() < limit


def test_an_operation_that_one_format_cannot_express_leaves_nothing_behind(here: Path) -> None:
    """TRANSPOSE of TensorFlow Lite takes frames of up to four axes."""
    call = ("export", "net.py:FiveAxes", "--input", "1,T,4", "--quant", "int16x8", "--calibration", "real.npy")
    result = cli(*call, "--drift-steps", 0, "-o", here)
    assert result.code == 3
    assert "the tflite backend cannot express op 'transpose'" in result.err
    assert not here.exists() or not list(here.iterdir())
    ok(cli(*call, "--drift-steps", 0, "--format", "onnx,ern", "-o", here, "-q"))
