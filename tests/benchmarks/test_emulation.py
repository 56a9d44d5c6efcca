"""The benchmarks of boards run, and the document of the cycle models says what they compare."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cycle_models, emulation, from_pip
from benchmarks.mcu_step import layer_program
from edgernn.boards import load_board
from edgernn.boards.cycles import MODELS
from edgernn.export.ern import write

for module in ("unicorn", "elftools", "ziglang", "numba"):
    pytest.importorskip(module, reason="the extra 'boards' is not installed")

DOCUMENT = Path(__file__).parents[2] / "docs" / "cycle-estimates.md"
ROW = re.compile(r"^\| [\w+-]+ \| (-O\w) \| ([\d.]+) \| ([\d.]+) \| ([-+]?[\d.]+) % \| (.+) \|$", re.MULTILINE)


def test_speeds_and_seconds_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "SECONDS", 0.05)
    monkeypatch.setattr(emulation, "list_boards", lambda: ["nrf52840-dk", "nucleo-f446re", "host"])
    write(layer_program(emulation.KERNEL, "int16x8"), tmp_path / "layer.ern")
    arguments = ["--board", "nucleo-f446re", "--profile", tmp_path / "layer.ern", "--json", tmp_path / "out.json"]
    run = CliRunner().invoke(emulation.main, [str(a) for a in arguments])
    assert run.exit_code == 0, run.output
    plain = json.loads((tmp_path / "out.json").read_text())
    assert set(plain["boards_s"]) == {"nrf52840-dk", "nucleo-f446re"}
    assert plain["profile_s"] >= sum(plain["boards_s"].values()) > 0
    speeds = plain["speeds"]["nucleo-f446re"]
    assert speeds["counting"] > speeds["reading"] > 0 and speeds["tracing"] > speeds["reading"]


def test_the_document_shows_what_is_compared_and_errors_within_the_bounds() -> None:
    rows = ROW.findall(DOCUMENT.read_text())
    published = [row for row in cycle_models.PUBLISHED if row[2]]
    assert len(rows) == len(published)
    for (flag, estimated, figure, error, where), (board, optimize, value, source) in zip(rows, published, strict=True):
        assert (flag, float(figure), where) == (optimize, value, source)
        assert float(error) == pytest.approx(100 * (float(estimated) / value - 1), abs=0.1)
        assert abs(float(error)) <= MODELS[load_board(board).core.name].error_percent


def test_coremark_must_be_given(tmp_path: Path) -> None:
    run = CliRunner().invoke(cycle_models.main, ["--coremark", str(tmp_path / "none")])
    assert run.exit_code == 2 and "does not exist" in run.output
    run = CliRunner().invoke(cycle_models.main, ["--coremark", str(tmp_path)])
    assert "there is no such C file" in run.output


@pytest.mark.skipif(not (from_pip.ROOT / ".git").exists(), reason="this is not a checkout of git")
def test_the_way_from_pip_starts_from_committed_files(tmp_path: Path) -> None:
    source = from_pip.checkout(tmp_path)
    assert (source / "pyproject.toml").is_file() and not (source / ".venv").exists()
