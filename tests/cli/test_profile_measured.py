"""``edgernn profile`` on this machine, and over ssh on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.boards import load_board
from edgernn.boards.profile.measured import is_board, notes_on
from edgernn.cli.common.measured_tables import show_measured
from tests.boards.remote import sshd
from tests.boards.test_model import IN, small_model, stream
from tests.cli.support import cli, ok
from tests.support import require, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of integers, one of floats, and frames for both."""
    made = tmp_path_factory.mktemp("measured")
    write(stream("int16x8")[0], made / "integers.ern")
    write(small_model(), made / "floats.ern")
    np.save(made / "frames.npy", np.random.default_rng(5).standard_normal((20, IN)).astype(np.float32))
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    """A server whose programs put temporary files into ``server.temporary``."""
    started = sshd.start(tmp_path_factory.mktemp("sshd"))
    yield started
    started.process.terminate()
    started.process.wait()


def over(server: sshd.Sshd, **changes: str) -> list[str]:
    """The options that lead to the server."""
    options = [word for option in server.options(**changes) for word in ("--ssh-option", option)]
    return ["--ssh", server.host, *options]


def python() -> list[str]:
    """This one, there."""
    return ["--ssh-python", sys.executable]


def test_every_engine_of_this_machine(folder: Path, tmp_path: Path) -> None:
    require("numba")
    page = tmp_path / "page.html"
    call = ["profile", folder / "integers.ern", "--board", "host", "--engine", "all", "--rate", 100]
    plain = ok(cli(*call, "--input", folder / "frames.npy", "--html", page, "--json")).json
    numba, reference = plain["profiles"]
    assert [numba["engine"], reference["engine"]] == ["numba", "reference"]
    assert numba["extra"]["outputs_sha256"] == reference["extra"]["outputs_sha256"]
    assert numba["time_us"]["median"] < reference["time_us"]["median"]
    for found in (numba, reference):
        latency = found["extra"]["latency_us"]
        assert found["steps"] == latency["steps"] == 1000
        assert found["time_us"] == {"min": latency["min"], "median": latency["p50"], "max": latency["max"],
                                    "how": "measured"}  # fmt: skip
        assert found["load"]["max"] == pytest.approx(latency["max"] / 10_000)
        assert found["extra"]["first_load_ms"] > 0 and found["extra"]["imports"]["numpy_ms"] > 0
        assert (found["source"], found["instructions"], found["flash"]) == ("measured on this machine", None, None)
    text = page.read_text()
    assert "measured on this machine" in text and "99th percentile" in text and "resident memory" in text


def test_over_ssh(folder: Path, server: sshd.Sshd) -> None:
    board = load_board("rpi4")
    files = [folder / "integers.ern", folder / "floats.ern"]
    result = ok(cli("profile", *files, "--board", "rpi4", "--engine", "reference", *over(server), *python()))
    rows = [line for line in result.out.splitlines() if line.startswith("│ rpi4") and "reference" in line]
    assert len(rows) == 2
    for head in ("p50", "p90", "p99", "max", "import ms", "load ms", "peak MB"):
        assert head in result.out
    assert f"rpi4, measured on {server.host}: " in result.out
    assert "temperature: " in result.out and "throttling: " in result.out and "clock: " in result.out
    assert f"rpi4: the machine does not say that it is a {board.title}" in result.out
    assert not list(server.temporary.iterdir())


def test_a_budget_for_the_longest_step(folder: Path) -> None:
    call = ["profile", folder / "floats.ern", "--board", "host", "--engine", "reference", "--steps", 5]
    result = cli(*call, "--max-step-us", 0.001)
    assert result.code == 1
    assert "over budget" in result.err and "the longest step in us" in result.err


@pytest.mark.parametrize("changes", [{"IdentityFile": "/dev/null"}])
def test_what_fails_on_the_way_is_told(folder: Path, server: sshd.Sshd, changes: dict[str, str]) -> None:
    result = cli("profile", folder / "floats.ern", "--board", "rpi4", *over(server, **changes))
    assert result.code == 1 and result.out == ""
    assert result.err.startswith(f"error: {server.host}: it does not let this user in")


WRONG: list[tuple[list[str], str]] = [
    (["--board", "rpi4,rpi5", "--ssh", "pi@board"], "--ssh: one board is behind it"),
    (["--board", "rpi4", "--ssh-option", "Port=2222"], "give --ssh HOST too"),
    (["--board", "rpi4", "--ssh", "pi@board", "--ssh-option", "Port"], "expected NAME=VALUE"),
    (["--board", "rpi4", "--ssh", "-oProxyCommand=true"], "expected a host as ssh takes it"),
    (["--board", "rpi4", "--ssh", "pi@board", "--port", "/dev/ttyACM0"], "--port and --ssh"),
    (["--board", "nucleo-f446re", "--ssh", "pi@board"], "nucleo-f446re: is not profiled over ssh; a mcu board"),
    (["--board", "host", "--engine", "fast"], "engines are auto, all, native"),
    (["--board", "host", "--engine", "native"], "engine 'native' runs .so files"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=lambda value: " ".join(value) if value else "")
def test_wrong_calls(folder: Path, options: list[str], message: str) -> None:
    result = cli("profile", folder / "floats.ern", *options)
    assert result.code == 2, result.err
    assert message in result.err


def test_files_that_no_engine_runs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.c").write_text("int x;\n")
    result = cli("profile", tmp_path / "net.c", "--board", "host")
    assert result.code == 2
    assert "host: runs .so, .onnx, .tflite, .ern files" in result.err


def test_what_the_table_says_of_a_pi(capsys: pytest.CaptureFixture[str]) -> None:
    """Of figures as a Pi would tell them; here no machine has a thermal zone."""
    from edgernn.boards.manifest import Board
    from edgernn.boards.remote.report import Measured
    from tests.boards.remote.pi import FIRST, SECOND

    board: Board = load_board("rpi4")
    measured = Measured.of("pi@board", FIRST, SECOND)
    notes = notes_on(board, measured)
    assert notes == ["its processor is limited, since it started: under-voltage, throttled"]
    show_measured([profile_of(measured, notes)])
    text = capsys.readouterr().out
    assert "temperature: 48.3 °C before, 52.1 °C after the steps" in text
    assert "clock: 600 of 1,500 MHz, governor ondemand" in text
    assert "throttling: none now, under-voltage, throttled since the board started" in text


@pytest.mark.parametrize(
    ("board", "model", "same"),
    [
        ("rpi3bplus", "Raspberry Pi 3 Model B Plus Rev 1.3", True),
        ("rpi3bplus", "Raspberry Pi 3 Model B Rev 1.2", False),
        ("rpi-zero-2w", "Raspberry Pi Zero 2 W Rev 1.0", True), ("rpi4", "Raspberry Pi 4 Model B Rev 1.4", True),
        ("rpi5", "Raspberry Pi 5 Model B Rev 1.0", True), ("rpi5", "Raspberry Pi 4 Model B Rev 1.4", False),
        ("rpi5", None, False),
    ],
)  # fmt: skip
def test_boards_are_known_by_their_device_tree(board: str, model: str | None, same: bool) -> None:
    assert is_board(load_board(board), model) == same


def profile_of(measured: Any, notes: list[str]) -> Any:
    from edgernn.boards.profile import MEASURED, Figure, Profile

    latency = measured.latency
    return Profile(
        "net.ern", "net", "int16x8", "rpi4", "Raspberry Pi 4 Model B Rev 1.4", 600_000_000, measured.engine,
        "measured on pi@board", latency.steps, "random frames",
        time_us=Figure(latency.min, latency.p50, latency.max, MEASURED), extra=measured.to_plain(), notes=tuple(notes),
    )  # fmt: skip
