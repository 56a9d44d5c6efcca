"""``edgernn verify-boards``."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.boards import verify
from edgernn.boards.artifacts import Artifact
from edgernn.boards.catalog import list_boards, load_board
from tests.boards.verify.models import in_scheme, real_frames, save
from tests.cli.support import cli, ok, spawn

NEEDED = {"unicorn": "unicorn", "elftools": "pyelftools", "ziglang": "ziglang", "numba": "numba"}
EMULATED = [name for name in list_boards() if load_board(name).kind != "host"]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An integer model, with frames.npy beside it."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("net")
    np.save(folder / "frames.npy", real_frames(40))
    return save(in_scheme("int16x8"), folder).path


def test_every_emulated_board_gives_the_same_stream(net: Path) -> None:
    plain = ok(cli("verify-boards", net, "--input", net.with_name("frames.npy"), "--steps", 100, "--json")).json
    assert plain["agrees"] and plain["exact"] and plain["steps"] == 100 and plain["scheme"] == "int16x8"
    names = [stream["name"] for stream in plain["streams"]]
    helium = set() if shutil.which("qemu-system-arm") else {"mps3-an547"}
    assert set(names) == {"reference", "numba", "native", *EMULATED} - helium
    assert set(plain["left_out"]) == helium
    assert {stream["sha256"] for stream in plain["streams"]} == {plain["sha256"]}
    assert len(plain["sha256"]) == 64


def test_the_table_names_streams_and_the_whole_digest(net: Path) -> None:
    result = ok(cli("verify-boards", net, "--input", net.with_name("frames.npy"), "--board", "pico,rpi4"))
    assert "proof int16x8, 40 steps over" in result.out
    assert all(f" {name} " in result.out for name in ("reference", "numba", "native", "pico", "rpi4"))
    assert "All 5 streams are the same, bit for bit: SHA-256 " in result.out and not result.err
    assert cli("verify-boards", net, "--board", "pico", "--steps", 3, "--quiet").out == ""


def test_float_models_agree_within_rounding(net: Path, tmp_path: Path) -> None:
    path = save(in_scheme("float32"), tmp_path).path
    result = ok(cli("verify-boards", path, "--board", "nucleo-f446re", "--steps", 30))
    assert "random frames" in result.out and "All 4 streams agree within the tolerance (y " in result.out


def test_a_board_that_differs_is_named_with_step_and_values(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board gets a model with other weights."""
    other = save(in_scheme("int16x8", seed=6), tmp_path)
    right = verify.board_streams

    def wrong(boards: Sequence[Any], artifact: Artifact, *arguments: Any) -> Any:
        return right(boards, other, *arguments)

    monkeypatch.setattr(verify, "board_streams", wrong)
    result = cli("verify-boards", net, "--board", "pico", "--steps", 20)
    assert result.code == 1
    assert "pico: first differs at step 0, " in result.err and ": expected " in result.err
    assert "1 of 4 streams disagree with the reference." in result.out
    plain = cli("verify-boards", net, "--board", "pico", "--steps", 20, "--json")
    stream = plain.json["streams"][-1]
    assert plain.code == 1 and not plain.json["agrees"] and not stream["agrees"]
    assert stream["difference"]["step"] == 0 and stream["difference"]["expected"] != stream["difference"]["found"]


@pytest.mark.parametrize("after_s", [2.0, 6.0])
def test_it_can_be_interrupted(net: Path, after_s: float) -> None:
    """While it builds, and while it streams."""
    process = spawn("verify-boards", net, "--board", "pico,rpi4", "--steps", 2_000_000)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, b""), err
    assert err.strip() == b"interrupted"


def test_what_cannot_be_compared_is_refused(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in (
        ([net, "--board", "pigo"], "there is no board 'pigo'"),
        ([net.parent, "--board", "pico"], "expected the C files of one model"),
        ([net, "--board", "host"], "host: "),
        ([net, "--board", "pico", "--input", "none.npy"], "none.npy"),
    ):
        failed = cli("verify-boards", *arguments)
        assert failed.code == 2 and message in failed.err, failed.err
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name.startswith("qemu") else found(name))
    failed = cli("verify-boards", net, "--board", "mps3-an547")
    assert failed.code == 2 and "qemu-system-arm is not installed" in failed.err
