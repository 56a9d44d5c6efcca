"""``edgernn run`` as a process in a pipeline: latency, signals, readers that go away, full disks."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from edgernn.runtime import load
from tests.cli.support import spawn

TIMEOUT_S = 60
FRAME = b"0.5,-1,2\n"


def outputs(artifact: Path, count: int) -> np.ndarray:
    with load(artifact, "reference") as session:
        return np.array([session.step([0.5, -1, 2]) for _ in range(count)])


def read_row(process: "subprocess.Popen[bytes]") -> np.ndarray:
    assert process.stdout
    return np.array([float(v) for v in process.stdout.readline().split(b",")], np.float32)


def finish(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    return process.communicate(timeout=TIMEOUT_S)


@pytest.mark.parametrize("line", [FRAME, b"[0.5, -1, 2]\n"])
def test_every_line_is_answered_before_the_next_one_is_sent(plain: Path, line: bytes) -> None:
    with spawn("run", plain, "--engine", "reference") as process:
        assert process.stdin
        assert process.stdout
        wanted = outputs(plain, 3)
        for k in range(3):
            process.stdin.write(line)
            process.stdin.flush()
            if k == 0:
                assert process.stdout.readline() == b"y[0],y[1]\n"
            np.testing.assert_array_equal(read_row(process), wanted[k])
        finish(process)
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_stream_between_frames(plain: Path, tmp_path: Path, number: int, code: int) -> None:
    kept, written = tmp_path / "state.bin", tmp_path / "y.npy"
    call = ("run", plain, "--engine", "reference", "--snapshot", kept, "-o", written, "-o", "y=-")
    with spawn(*call) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(2 * FRAME)
        process.stdin.flush()
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(number)
        _, err = finish(process)
    assert process.returncode == code
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state.bin", "y.npy"]
    np.testing.assert_array_equal(np.load(written), outputs(plain, 2))
    with load(plain, "reference") as session:
        session.restore(kept.read_bytes())
        np.testing.assert_array_equal(session.step([0.5, -1, 2]), outputs(plain, 3)[2])


def test_a_signal_while_frames_keep_coming(plain: Path, tmp_path: Path) -> None:
    """The state that is saved is that after exactly the results that were written."""
    np.save(tmp_path / "x.npy", np.tile(np.array([0.5, -1, 2], np.float32), (2_000_000, 1)))
    kept, written = tmp_path / "state.bin", tmp_path / "y.csv"
    call = (
        "run",
        plain,
        "--engine",
        "reference",
        "--input",
        tmp_path / "x.npy",
        "--snapshot",
        kept,
        "-o",
        written,
    )
    with spawn(*call) as process:
        deadline = time.monotonic() + TIMEOUT_S
        while not (written.exists() and written.stat().st_size > 5000) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        finish(process)
    assert process.returncode == 130
    count = len(written.read_text().splitlines()) - 1
    assert 0 < count < 2_000_000
    wanted = outputs(plain, count + 1)
    with load(plain, "reference") as session:
        session.restore(kept.read_bytes())
        np.testing.assert_array_equal(session.step([0.5, -1, 2]), wanted[-1])


def test_a_reader_that_goes_away(plain: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((200_000, 3), np.float32))
    with spawn("run", plain, "--engine", "reference", "--input", tmp_path / "x.npy") as process:
        assert process.stdout
        assert process.stderr
        for _ in range(3):
            process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.wait(TIMEOUT_S)
    assert process.returncode == 0
    assert err == b""


def test_a_full_device(plain: Path) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        spawn("run", plain, "--engine", "reference", stdout=full) as process,
    ):
        _, err = process.communicate(FRAME, timeout=TIMEOUT_S)
    assert process.returncode == 2
    assert b"standard output: cannot be written: No space left on device" in err
    assert b"Traceback" not in err


def test_closed_standard_input(plain: Path) -> None:
    with spawn("run", plain, "--engine", "reference", stdin=None, preexec_fn=lambda: os.close(0)) as process:
        _, err = finish(process)
    assert process.returncode == 2
    assert b"standard input is closed; give --input FILE" in err
