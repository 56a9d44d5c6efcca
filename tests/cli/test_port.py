"""``--port``: models on boards behind a serial port, here those of QEMU."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.boards.links.qemu_board import QemuBoard, qemu_board
from tests.boards.verify.models import in_scheme, real_frames, save
from tests.cli.support import cli, ok

NEEDED = {"elftools": "pyelftools", "ziglang": "ziglang", "serial": "pyserial"}
BOARD = "mps2-an386"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An integer model, with 30 frames beside it."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("net")
    np.save(folder / "frames.npy", real_frames(30))
    return save(in_scheme("int16x8"), folder).path


@pytest.fixture(scope="module")
def board(net: Path) -> Iterator[QemuBoard]:
    """The board with the firmware of ``edgernn build``."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("QEMU: qemu-system-arm is not installed")
    plain = ok(cli("build", net, "--board", BOARD, "--format", "elf", "-o", net.parent, "--json")).json
    assert plain["serves"]
    with qemu_board(BOARD, Path(plain["files"][0])) as running:
        yield running


def test_run_streams_through_the_board(net: Path, board: QemuBoard, tmp_path: Path) -> None:
    frames = net.with_name("frames.npy")
    result = ok(cli("run", net, "--port", board.url, "--input", frames, "--output", tmp_path / "y.npy"))
    ok(cli("run", net, "--engine", "reference", "--input", frames, "--output", tmp_path / "expected.npy", "-q"))
    assert np.array_equal(np.load(tmp_path / "y.npy"), np.load(tmp_path / "expected.npy"))
    assert "30 frames in " in result.err and "(board)" in result.err
    assert f"{BOARD}: its counter does not count cycles, " in result.err and " B of stack" in result.err


def test_run_tells_of_the_board_as_json_and_continues_from_snapshots(
    net: Path, board: QemuBoard, tmp_path: Path
) -> None:
    frames, state = np.load(net.with_name("frames.npy")), tmp_path / "state.bin"
    np.save(tmp_path / "a.npy", frames[:12])
    np.save(tmp_path / "b.npy", frames[12:])
    ok(cli("run", net, "--engine", "reference", "--input", net.with_name("frames.npy"), "-o", tmp_path / "e.npy", "-q"))
    first = ("run", net, "--input", tmp_path / "a.npy", "-o", tmp_path / "ya.npy", "--snapshot", state)
    ok(cli(*first, "--engine", "reference"))
    second = ("run", net, "--input", tmp_path / "b.npy", "-o", tmp_path / "yb.npy", "--snapshot", state, "--json")
    plain = ok(cli(*second, "--port", board.url, "--board", BOARD)).json
    found = np.concatenate([np.load(tmp_path / "ya.npy"), np.load(tmp_path / "yb.npy")])
    assert np.array_equal(found, np.load(tmp_path / "e.npy"))
    assert plain["engine"] == "board" and plain["restored"] and plain["board"]["board"] == BOARD
    assert plain["board"]["cycles"] is None and 50 < plain["board"]["stack_bytes"] < 400
    assert plain["board"]["recoveries"] == 0 and plain["board"]["port"] == board.url


def test_profile_measures_the_board(net: Path, board: QemuBoard) -> None:
    arguments = ("profile", net, "--board", BOARD, "--port", board.url, "--input", net.with_name("frames.npy"))
    [plain] = ok(cli(*arguments, "--json")).json["profiles"]
    assert plain["source"] == f"serial port {board.url}" and plain["steps"] == 30
    assert plain["cycles"] is None and plain["time_us"] is None, "QEMU's counter stands still: nothing is made up"
    [emulated] = ok(cli(*arguments[:4], "--input", net.with_name("frames.npy"), "--json")).json["profiles"]
    assert plain["ram"]["stack"] == emulated["ram"]["stack"] > 0, "the same machine code takes the same stack"
    assert plain["flash"] == emulated["flash"]
    text = ok(cli(*arguments)).out
    assert "its counter (dwt) does not count cycles of a core" in text
    assert cli(*arguments, "--max-step-us", 1000).code == 1, "a budget that nothing measured is not kept"


def test_what_does_not_fit_is_refused(net: Path, board: QemuBoard, tmp_path: Path) -> None:
    other = save(in_scheme("int16x8", seed=6), tmp_path).path
    for arguments, code, message in (
        (["run", net, "--port", board.url, "--board", "pico"], 1, f"it is {BOARD}, expected pico"),
        (["run", other, "--port", board.url], 1, "the board has another model"),
        (
            ["run", net, "--port", board.url, "--engine", "numba"],
            2,
            "the board behind --port runs compiled C",
        ),
        (["run", net, "--board", "pico"], 2, "--board: give --port too"),
        (["run", net, "--port", "/dev/none"], 1, "/dev/none: cannot be opened"),
        (["run", net, "--port", board.url, "--board", "rpi4"], 2, "rpi4: its description names no serial port"),
        (["profile", net, "--board", "mcu", "--port", board.url], 2, "--port: one board with one model is behind it"),
        (["profile", net, "--board", "rpi4", "--port", board.url], 2, "rpi4: is not profiled over serial"),
        (["profile", net, "--board", "pico", "--port", board.url], 1, f"it is {BOARD}, expected pico"),
    ):
        failed = cli(*arguments, "--input", net.with_name("frames.npy"))
        assert failed.code == code and message in failed.err, failed.err
