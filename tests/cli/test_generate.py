"""``edgernn generate``, and ``--tokenizer``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import cli, ok
from tests.export.c_support import WARNINGS, compiler, run
from tests.runtime.decode.language import converted, saved

MODEL = "tests/runtime/decode/language.py:Language"
ALPHABET = "chars:.abcdefghijklmnopqrstuvwxyz -"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An integer model, exported with an alphabet."""
    path = tmp_path_factory.mktemp("generate")
    np.savez(path / "calibration.npz", a=np.random.default_rng(0).integers(0, 29, 80))
    options = ["--input", "int:1,T", "--quant", "int16x8", "--calibration", path / "calibration.npz"]
    options += ["--drift-steps", "0"]
    ok(cli("export", MODEL, *options, "--tokenizer", ALPHABET, "--format", "ern,so", "-o", path, "--name", "writer"))
    return path


def test_the_same_seed_writes_the_same_text(folder: Path) -> None:
    options = ["--prompt", "in the", "--length", "30", "--temperature", "0.8", "--top-k", "9", "--top-p", "0.95"]
    text = ok(cli("generate", folder / "writer.so", *options, "--seed", "5")).out
    assert text.startswith("in the") and len(text) == len("in the") + 30 + 1
    assert ok(cli("generate", folder / "writer.ern", *options, "--seed", "5", "--engine", "reference")).out == text
    assert ok(cli("generate", folder / "writer.so", *options, "--seed", "6")).out != text


def test_json(folder: Path) -> None:
    found = ok(cli("generate", folder / "writer.so", "--prompt", "a", "--length", "8", "--seed", "2", "--json")).json
    assert (found["prompt"], found["seed"], found["engine"]) == ("a", 2, "native")
    assert len(found["symbols"]) == len(found["text"]) == 8 and not found["ended"]


def test_without_a_tokenizer_symbols_are_numbers(tmp_path: Path) -> None:
    (path,) = saved(converted("float32"), tmp_path, ".ern")
    options = ["--length", "5", "--engine", "reference"]
    text = ok(cli("generate", path, "--prompt", "3, 1 4", *options)).out
    assert all(0 <= int(word) < 29 for word in text.split()) and len(text.split()) == 5
    wrong = cli("generate", path, "--prompt", "abc", *options)
    assert wrong.code == 2 and "export the model with --tokenizer" in wrong.err


def test_mistakes(folder: Path) -> None:
    for options, message in (
        (["--prompt", "A"], "no symbol for 'A'"), (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "a", "--temperature", "-1"], "temperature is between"),
        (["--prompt", "a", "--top-p", "2"], "top_p"),
    ):  # fmt: skip
        wrong = cli("generate", folder / "writer.so", *options)
        assert wrong.code == 2 and message in wrong.err
    options = ["--input", "int:1,T", "--format", "ern", "-o", folder / "x", "--drift-steps", "0"]
    wrong = cli("export", MODEL, *options, "--tokenizer", "chars:abc")
    assert wrong.code == 2 and "the tokenizer has 3 symbols" in wrong.err
    assert not (folder / "x").exists()


def test_decoders_stand_beside_the_c_files(tmp_path: Path) -> None:
    options = ["--input", "int:1,T", "--format", "c", "-o", tmp_path, "--drift-steps", "0"]
    ok(cli("export", MODEL, *options, "--decoders", "ctc, events"))
    names = {path.name for path in tmp_path.iterdir()}
    assert {"ern_ctc_beam.c", "ern_ctc.h", "ern_log_row_s16.c", "ern_event.c", "ern_decode.h", "ern_lanes.h"} <= names
    files = sorted(name for name in names if name.endswith(".c"))
    run([*compiler(), *WARNINGS, "-c", *files], tmp_path)
    for wrong in (["--decoders", "beam"], ["--decoders", "ctc", "--format", "ern"]):
        failed = cli("export", MODEL, *options, *wrong)
        assert failed.code == 2 and "they are sample, ctc, events" in failed.err


def test_inspect_tells_of_it(folder: Path) -> None:
    assert "tokenizer of 29 characters" in ok(cli("inspect", folder / "writer.so")).out
    assert ok(cli("inspect", folder / "writer.so", "--json")).json["tokenizer"]["vocabulary"][1] == "a"
