"""``edgernn profile``."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import list_boards, load_board
from tests.cli.support import ROOT, cli, ok

NEEDED = {"unicorn": "unicorn", "elftools": "pyelftools", "ziglang": "ziglang", "capstone": "capstone"}


@pytest.fixture(scope="module")
def net(plain: Path) -> Path:
    """An .ern file, where boards can be emulated."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return plain


@pytest.fixture(scope="module")
def frames(net: Path) -> Path:
    """Ten frames of three values."""
    path = net.with_name("profile_frames.npy")
    np.save(path, np.random.default_rng(5).standard_normal((10, 3)).astype(np.float32))
    return path


def test_the_table_has_a_row_for_each_board_and_says_what_is_estimated(net: Path, frames: Path) -> None:
    result = ok(cli("profile", net, "--board", "nucleo-f446re,nrf52840-dk", "--input", frames, "--rate", 100))
    assert f"{net}: plain float32, 10 steps over {frames}" in result.out
    for board in ("nucleo-f446re", "nrf52840-dk"):
        (row,) = [line for line in result.out.splitlines() if line.startswith(f"│ {board}") and "MHz" in line]
        cells = [cell.strip() for cell in row.strip("│").split("│")]
        assert cells[1] == f"cortex-m4 {load_board(board).core.clock_hz / 1e6:g} MHz"
        assert all("estimated" in cell for cell in cells[3:]) and "±8 %" in cells[3] and "±8 %" in cells[4]
    for head in ("weights", "tables", "code", "state", "scratch", "stack", "node", "share of period"):
        assert head in result.out


def test_json_holds_all_figures(net: Path, frames: Path) -> None:
    plain = ok(cli("profile", net, "--board", "nucleo-f446re", "--input", frames, "--period", 500, "--json")).json
    (found,) = plain["profiles"]
    assert (found["board"], found["engine"], found["steps"], found["period_us"]) == ("nucleo-f446re", "c", 10, 500)
    assert found["instructions"]["how"] == "exact" and found["cycles"]["how"] == "estimated"
    assert found["cycles"]["error_percent"] == 8 and found["cycles"]["waiting_for_flash_at_most"] > 0
    assert found["time_us"]["min"] <= found["time_us"]["median"] <= found["time_us"]["max"]
    assert found["load"]["max"] == pytest.approx(found["time_us"]["max"] / 500)
    assert found["flash"]["total"] == sum(found["flash"][k] for k in ("weights", "tables", "code"))
    assert found["ram"]["total"] == sum(found["ram"][k] for k in ("state", "scratch", "variables", "stack"))
    assert {"gru", "linear"} <= {node["op"] for node in found["nodes"]} == set(found["ops"])
    assert plain["over_budget"] == [] and plain["left_out"] == {}


def test_several_artifacts_and_a_page(net: Path, tokens: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = ok(cli("profile", net, tokens, "--board", "nucleo-f446re", "--steps", 4, "--html", page))
    assert "plain float32, 4 steps over random frames" in result.out and "tokens float32, 4 steps" in result.out
    assert f"page: {page}" in result.out
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "plain" in text and "tokens" in text and "embedding" in text
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_period_of_a_model_of_sound_is_known(net: Path) -> None:
    plain = ok(cli("profile", net, "--board", "nucleo-f446re", "--steps", 2, "--json")).json
    assert plain["profiles"][0]["period_us"] == pytest.approx(3 / 8000 * 1e6)


def test_a_group_of_boards_leaves_out_what_this_machine_cannot_emulate(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    plain = ok(cli("profile", net, "--board", "mcu", "--steps", 1, "--json")).json
    boards = {name for name in list_boards() if load_board(name).kind == "mcu"}
    assert {found["board"] for found in plain["profiles"]} == boards - {"mps3-an547"}
    assert list(plain["left_out"]) == ["mps3-an547"] and "qemu-system-arm" in plain["left_out"]["mps3-an547"]


def test_budgets_fail_with_exit_code_1(net: Path) -> None:
    given = ("profile", net, "--board", "nucleo-f446re", "--steps", 2)
    ok(cli(*given, "--max-ram", 4096, "--max-flash", 16384, "--max-step-us", 1000))
    for option, what in (("--max-ram", "RAM"), ("--max-flash", "flash"), ("--max-step-us", "the longest step")):
        failed = cli(*given, option, 1)
        assert failed.code == 1 and f"over budget: {net} on nucleo-f446re (c): {what}" in failed.err
    time = ok(cli(*given, "--json")).json["profiles"][0]["time_us"]
    between = ok(cli(*given, "--max-step-us", time["max"] * 1.08 + 0.5 * time["waiting_for_flash_at_most"]))
    assert "note: nucleo-f446re: within --max-step-us, but not with all waits for flash" in between.err
    failed = cli(*given, "--max-ram", 1, "--max-step-us", 1, "--json")
    assert failed.code == 1
    assert [(over["what"], over["allowed"]) for over in failed.json["over_budget"]] == [
        ("RAM in bytes", 1), ("the longest step in us", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--board", "nucleo"), "there is no board 'nucleo'"),
        (("--board", "pico", "--rate", "9", "--period", "9"), "--rate and --period say the same"),
        (("--board", "pico", "--engine", "torch"), "--engine: there is no 'torch'"),
        (("--board", "pico", "--steps", "0"), "is not in the range"),
        (("--board", "pico", "--input", "none.npy"), "none.npy"),
        (("--board", "pico", "--input", "y=none.npy"), "none.npy"),
        (("--board", ","), "--board"),
        ((), "Missing option '--board'"),
    ],
)
def test_wrong_calls_are_refused(net: Path, arguments: tuple[str, ...], message: str) -> None:
    failed = cli("profile", net, *arguments)
    assert failed.code == 2 and message in failed.err and "bug" not in failed.err


def test_files_that_are_no_models_are_refused(net: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ern"
    broken.write_bytes(net.read_bytes()[:-7])
    for path, message in ((broken, "broken.ern"), (tmp_path / "none.ern", "none.ern"), (tmp_path, "C files")):
        failed = cli("profile", path, "--board", "nucleo-f446re")
        assert failed.code == 2 and message in failed.err, failed.err


def test_frames_that_do_not_fit_are_refused(net: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((4, 5), np.float32))
    np.save(tmp_path / "nan.npy", np.full((4, 3), np.nan, np.float32))
    for name, message in (("wide.npy", "wide.npy"), ("nan.npy", "NaN or infinity")):
        failed = cli("profile", net, "--board", "nucleo-f446re", "--input", tmp_path / name)
        assert failed.code == 2 and message in failed.err, failed.err


def test_a_page_that_cannot_be_written_is_an_error(net: Path, tmp_path: Path) -> None:
    failed = cli("profile", net, "--board", "nucleo-f446re", "--steps", 1, "--html", tmp_path / "none" / "page.html")
    assert failed.code == 2 and "cannot be written" in failed.err


def test_a_board_of_the_user_is_a_folder(net: Path, tmp_path: Path) -> None:
    text = (ROOT / "boards" / "nucleo-f446re" / "board.toml").read_text()
    (tmp_path / "my-board").mkdir()
    (tmp_path / "my-board" / "board.toml").write_text(re.sub(r"\[memory.flash_reads\][^\[]*", "", text))
    found = ok(cli("profile", net, "--board", tmp_path / "my-board", "--steps", 2, "--json")).json["profiles"][0]
    assert found["board"] == "my-board" and found["cycles"]["waiting_for_flash_at_most"] is None


@pytest.mark.parametrize(
    ("board", "compiler"), [("nucleo-f446re", "arm-none-eabi-gcc"), ("esp32-c3-devkit", "riscv64-unknown-elf-gcc")]
)
def test_programs_of_gcc_are_profiled_by_node_too(net: Path, board: str, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    given = ("profile", net, "--board", board, "--steps", 2, "--json", "--compiler")
    gcc, zig = (ok(cli(*given, name)).json["profiles"][0] for name in ("gcc", "zig"))
    assert [node["name"] for node in gcc["nodes"]] == [node["name"] for node in zig["nodes"]]
    assert 0.5 < gcc["instructions"]["median"] / zig["instructions"]["median"] < 2
