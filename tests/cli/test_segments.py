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


@pytest.mark.parametrize("suffix", ["onnx", "tflite", "so"])
def test_other_files_run_inspect_validate(exported: Path, suffix: str) -> None:
    file = exported.with_suffix(f".{suffix}")
    np.save("x.npy", np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32))
    ok(cli("run", exported, "--input", "x.npy", "--output", "y.npy"))
    ok(cli("run", file, "--input", "x.npy", "--output", "z.npy"))
    assert np.allclose(np.load("y.npy"), np.load("z.npy"), atol=1e-6)
    plain = ok(cli("inspect", file, "--json")).json
    assert (plain["mode"], plain["max_frames"], plain["state_bytes"]) == ("segment", 9, 24)
    assert plain["buffer_bytes"] == {"onnx": 648, "tflite": 648, "so": 216}[suffix]
    assert f"buffers {plain['buffer_bytes']} bytes" in ok(cli("inspect", file)).out
    assert ok(cli("validate", file, "--reference", "net.py:Both", *MODEL)).code == 0


def test_what_does_not_fit_is_said(exported: Path) -> None:
    np.save("long.npy", np.zeros((10, 4), np.float32))
    for arguments, code, said in (
        (["run", exported, "--input", "long.npy"], 2, "9 frames of a segment"),
        (["run", exported, "--input", "long.npy", "--snapshot", "s"], 2, "no state between segments"),
        (["export", "net.py:Both", "--input", "1,T,4", "--mode", "segment"], 2, "max_frames"),
        (["export", "net.py:Both", *MODEL, "--quant", "int16x8"], 2, "calibration"),
        (["profile", "x.npy", "--board", "nucleo-f446re"], 2, "expected an .ern file"),
    ):
        result = cli(*arguments)
        assert result.code == code and said in result.err, (arguments, result.err)


@pytest.mark.parametrize("scheme", ["weights8", "int16x8", "int8"])
def test_schemes(exported: Path, scheme: str) -> None:
    rng = np.random.default_rng(1)
    np.savez("data.npz", **{f"s{k}": rng.standard_normal((9, 4)).astype(np.float32) for k in range(4)})
    quant = [*MODEL, "--quant", scheme, "--calibration", "data.npz"]
    report = ok(cli("export", "net.py:Both", *quant, "--format", "ern", "-o", "quantized", "--json")).json
    assert report["scheme"] == scheme and (report["integers"] is not None) == (scheme != "weights8")
    assert ok(cli("validate", "quantized/both.ern", "--reference", "net.py:Both", *quant)).code == 0
    np.save("x.npy", rng.standard_normal((7, 4)).astype(np.float32))
    outputs = []
    for engine in ("numba", "reference"):
        ok(cli("run", "quantized/both.ern", "--engine", engine, "--input", "x.npy", "--output", f"{engine}.npy"))
        outputs.append(np.load(f"{engine}.npy"))
    assert outputs[0].shape == (7, 12) and (scheme == "weights8" or np.array_equal(*outputs))


def test_boards(exported: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez("data.npz", **{f"s{k}": rng.standard_normal((9, 4)).astype(np.float32) for k in range(4)})
    quant = ["--quant", "int16x8", "--calibration", "data.npz", "--format", "ern,so"]
    ok(cli("export", "net.py:Both", *MODEL, *quant, "-o", "q", "--quiet"))
    boards = ["--board", "nucleo-f446re,pico,esp32-c3-devkit"]
    report = ok(cli("verify-boards", "q/both.ern", *boards, "--json")).json
    assert report["agrees"] and report["exact"] and len(report["streams"]) == 6
    profiles = ok(cli("profile", "q/both.ern", *boards, "--json")).json["profiles"]
    for profile in profiles:
        assert "a step is a segment of 9 frames" in profile["notes"]
        assert [n["op"] for n in profile["nodes"]].count("gru_int16") == 2
        assert sum(n["instructions"] for n in profile["nodes"]) == pytest.approx(profile["instructions"]["median"])
    host = ok(cli("profile", "q/both.so", "--board", "host", "--json")).json["profiles"][0]
    assert host["engine"] == "native" and "a step is a segment of 9 frames" in host["notes"]
    built = ok(cli("build", "q/both.ern", "--board", "nucleo-f446re", "--format", "elf", "-o", "fw", "--json")).json
    assert Path(built["files"][0]).is_file() and built["serves"]
    plain = ok(cli("inspect", "q/both.so", "--json")).json
    assert plain["max_frames"] == 9 and plain["mode"] == "segment"
