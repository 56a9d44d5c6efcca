"""``--mode segment`` at the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import cli, ok

SOURCE = """
import torch
from torch import nn

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(4, 6, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.gru(x)[0]
"""
MODEL = ["--input", "1,T,4", "--mode", "segment", "--max-frames", "9"]


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(SOURCE)
    result = ok(cli("export", "net.py:Both", *MODEL, "-o", "out", "--json"))
    assert result.json["mode"] == "segment"
    assert any("9 frames takes 648 B of buffers" in note for note in result.json["notes"])
    return Path("out/both.ern")


def test_export_run_inspect_validate(exported: Path) -> None:
    np.save("x.npy", np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32))
    summary = ok(cli("run", exported, "--input", "x.npy", "--output", "y.npy"))
    assert "7 frames" in summary.err and "648 B of buffers" in summary.err
    assert np.load("y.npy").shape == (7, 12)
    plain = ok(cli("inspect", exported, "--json")).json
    assert (plain["mode"], plain["max_frames"], plain["stages"]) == ("segment", 9, ["forward", "backward"])
    assert "segments of up to 9 frames, buffers 648 bytes" in ok(cli("inspect", exported)).out
    assert ok(cli("validate", exported, "--reference", "net.py:Both", *MODEL)).code == 0


def test_what_does_not_fit_is_said(exported: Path) -> None:
    np.save("long.npy", np.zeros((10, 4), np.float32))
    for arguments, code, said in (
        (["run", exported, "--input", "long.npy"], 2, "9 frames of a segment"),
        (["run", exported, "--input", "long.npy", "--snapshot", "s"], 2, "no state between segments"),
        (["export", "net.py:Both", *MODEL, "--format", "c"], 2, "formats are ern"),
        (["export", "net.py:Both", "--input", "1,T,4", "--mode", "segment"], 2, "max_frames"),
        (["export", "net.py:Both", *MODEL, "--quant", "weights8"], 2, "float32"),
        (["profile", exported, "--board", "nucleo-f446re"], 2, "whole segments"),
    ):
        result = cli(*arguments)
        assert result.code == code and said in result.err, (arguments, result.err)
