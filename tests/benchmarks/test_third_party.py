"""The benchmark of third-party models, on one whose weights are in the repository, and on one that does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchmarks.third_party.__main__ as benchmark
from benchmarks.third_party.guitar import TubeScreamerGru
from edgernn.boards import Board, load_board

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason="the extra 'boards' is not installed")


def test_a_row_says_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    run = CliRunner().invoke(benchmark.main, ["--model", TubeScreamerGru.name, "--json", str(path)])
    assert run.exit_code == 0, run.output
    (row,) = json.loads(path.read_text())["rows"]
    assert 0 < row["error"] < 1e-5 and row["metric"] >= TubeScreamerGru.least
    assert row["board"] == "nucleo-f446re" and 1000 < row["instructions"] < 2000
    assert 0 < row["ram_bytes"] < 1024 < row["flash_bytes"] < 8192


def test_a_model_that_does_not_fit_goes_to_the_next_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "BOARDS", ("microbit", "nucleo-h743zi"))
    given, notes = TubeScreamerGru(), {}
    monkeypatch.setattr(benchmark, "load_board", _small)
    row = benchmark.measure(given, "int16x8", tmp_path, notes)
    assert row.board == "nucleo-h743zi"
    assert list(notes) == [f"{given.name} on microbit"] and any(words in str(notes) for words in benchmark.TOO_SMALL)


def _small(name: str) -> Board:
    """The board, the microbit with 2 KiB of flash."""
    board = load_board(name)
    if name != "microbit":
        return board
    return replace(board, memory=replace(board.memory, flash=replace(board.memory.flash, size_bytes=2048)))
