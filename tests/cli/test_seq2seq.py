"""A model of two parts at the command line: export, run, generate, inspect, validate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import cli, ok

SOURCE = """
from tests.seq2seq.models import attentive

def translator():
    return attentive(max_output=5)
"""
MODEL = ["--input", "int:1,T", "--max-frames", "8", "--name", "tr"]
TOKENIZERS = ["--tokenizer", "chars:^$_abcdef", "--target-tokenizer", "chars:^$_uvwxyz"]


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(SOURCE)
    result = ok(cli("export", "net.py:translator", *MODEL, *TOKENIZERS, "-o", "out", "--json"))
    assert result.json["mode"] == "seq2seq"
    assert any("a source of 8 frames takes" in note for note in result.json["notes"])
    return Path("out/tr.ern")


def test_export_run_generate_inspect_validate(exported: Path) -> None:
    written = ok(cli("generate", exported, "--prompt", "fade", "--json")).json
    assert 0 < len(written["symbols"]) <= 5 and len(written["text"]) == len(written["symbols"])
    likely = ok(cli("generate", exported, "--prompt", "fade", "--beam", "3", "--json")).json
    assert likely["log2"] < 0
    np.save("fade.npy", np.array([8, 3, 6, 7]))
    assert ok(cli("generate", exported, "--input", "fade.npy")).out.strip() == written["text"]
    ok(cli("run", exported, "--input", "fade.npy", "--output", "scores.npy"))
    scores = np.load("scores.npy")
    assert scores.argmax(-1).tolist()[: len(written["symbols"])] == written["symbols"] and scores.shape[1] == 9
    plain = ok(cli("inspect", exported, "--json")).json
    assert (plain["mode"], plain["max_frames"]) == ("seq2seq", 8)
    assert plain["writing"] == {"start": 1, "end": 2, "max_output": 5}
    assert plain["stages"][plain["encode_stages"] :] == ["once", "forward", "once"]
    text = ok(cli("inspect", exported, "--graph")).out
    assert "sources of up to 8 frames" in text and "writes from symbol 1 to symbol 2, 5 at most" in text
    assert ok(cli("validate", exported, "--reference", "net.py:translator", *MODEL)).code == 0


def test_what_does_not_fit_is_said(exported: Path) -> None:
    np.save("long.npy", np.zeros(9, np.int32))
    for arguments, code, said in (
        (["run", exported, "--input", "long.npy"], 2, "8 frames of a segment"),
        (["run", exported, "--input", "long.npy", "--snapshot", "s"], 2, "has no state between segments"),
        (["generate", exported], 2, "give --prompt TEXT, or --input FILE"),
        (["generate", exported, "--prompt", "xyz"], 2, "no symbol for 'x'"),
        (["export", "net.py:translator", *MODEL, "--format", "onnx"], 2, "an encoder with a decoder is written as"),
        (["export", "net.py:translator", "--input", "int:1,T"], 2, "give max_frames"),
        (["export", "net.py:translator", *MODEL, "--tokenizer", "chars:ab"], 2, "the tokenizer has 2 symbols"),
    ):
        result = cli(*arguments)
        assert result.code == code and said in result.err, (arguments, result.err)


def test_integers_of_sources_with_targets(exported: Path) -> None:
    rng = np.random.default_rng(0)
    sources = {f"source_{k}": rng.integers(0, 9, n) for k, n in enumerate((8, 3, 5))}
    np.savez("pairs.npz", **sources, **{f"targets_{k}": rng.integers(3, 9, 4) for k in range(3)})
    quantized = ["--quant", "int16x8", "--calibration", "pairs.npz", "--format", "ern"]
    report = ok(cli("export", "net.py:translator", *MODEL, *quantized, "-o", "int16", "--json")).json
    assert report["scheme"] == "int16x8" and Path("int16/tr.ern").is_file()
    assert [a["properties"][-1]["name"] for a in report["artifacts"]] == ["bit identity"]
    np.savez("pairs.npz", **sources, targets_0=np.array([3, 2]))
    result = cli("export", "net.py:translator", *MODEL, *quantized, "-o", "int16")
    assert result.code == 2 and "3 sources with 1 targets" in result.err
