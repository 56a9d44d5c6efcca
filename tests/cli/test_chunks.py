"""``--mode chunk`` at the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import cli, ok

SOURCE = """
import numpy as np
import torch
from torch import nn

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(4, 6, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.gru(x)[0]

class Ahead(nn.Module):
    def forward(self, x):
        return x

def largest(outputs, targets):
    return np.mean([o.reshape(-1, 12).argmax(-1) == t for o, t in zip(outputs, targets)])
"""
MODEL = ["net.py:Both", "--input", "1,T,4", "--mode", "chunk", "--drift-steps", "20"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(SOURCE)
    rng = np.random.default_rng(0)
    np.savez("real.npz", x=rng.standard_normal((3, 24, 4)), targets=rng.integers(0, 12, (3, 24)))


def test_export_run_validate(tmp_path: Path) -> None:
    call = [*MODEL, "--lookahead", 2, "--chunk", 4, "--calibration", "real.npz", "--metric", "net.py:largest"]
    result = ok(cli("export", *call, "--format", "ern", "-o", "out", "--json"))
    found = result.json["chunks"]
    assert result.json["mode"] == "chunk" and result.json["passed"]
    assert (found["chunk"], found["lookahead"], found["hop"], found["delay"]) == (4, 2, 4, 1)
    assert found["layers"] == ["gru"] and found["sequences"] == 3
    (loss,) = found["outputs"]
    assert loss["frames"] == 72 and 0.001 < loss["relative_error"] < 0.5
    assert 0 <= found["metric_of_chunks"] <= 1 and found["metric"] == "largest"
    for suffix in ("md", "html"):
        text = Path(f"out/both.report.{suffix}").read_text()
        assert "Look-ahead against the whole sequence" in text and "largest is 0." in text
        assert "chunks of 4 frames with 2 frames of look-ahead: gru" in text
    np.save("x.npy", np.load("real.npz")["x"][0].astype(np.float32))
    ok(cli("run", "out/both.ern", "--input", "x.npy", "--output", "y.npy"))
    assert np.load("y.npy").shape == (6, 4, 12)
    checked = ok(cli("validate", "out/both.ern", "--reference", *MODEL, "--lookahead", 2, "--chunk", 4))
    assert "look-ahead: output 'output' differs from that of whole sequences by" in checked.out
    assert cli("validate", "out/both.ern", "--reference", *MODEL, "--lookahead", 4).code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (MODEL, 2, "needs lookahead"),
        ([*MODEL, "--lookahead", 0], 2, "1 or more"),
        ([*MODEL, "--lookahead", 2, "--max-frames", 9], 2, "max_frames is for mode 'segment'"),
        (["net.py:Both", "--input", "1,T,4", "--lookahead", 2], 2, "are for mode 'chunk'"),
        ([*MODEL, "--lookahead", 2, "--metric", "net.py:largest"], 2, "needs real sequences"),
        ([*MODEL, "--lookahead", 30, "--calibration", "real.npz"], 2, "sequence 0 has 24 frames, fewer than the 30"),
        (["net.py:Ahead", *MODEL[1:], "--lookahead", 2], 2, "no bidirectional nn.LSTM, nn.GRU or nn.RNN"),
        (["net.onnx", *MODEL[1:], "--lookahead", 2], 2, "an ONNX model is converted to a plain stream only"),
        (["net.py:Both", "--input", "1,T,4"], 3, "--mode chunk --lookahead N"),
    ],
)
def test_what_does_not_fit_is_said(arguments: list[object], code: int, said: str) -> None:
    result = cli("export", *arguments)
    assert result.code == code and said in result.err, result.err
    assert not list(Path().glob("*.ern"))
