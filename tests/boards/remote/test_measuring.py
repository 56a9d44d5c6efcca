"""Measurements on this machine, and over ssh on this machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards.remote import Request, Shell, local_shell, measure, ssh_shell
from edgernn.boards.remote.bundle import pack
from edgernn.boards.remote.report import Measured
from edgernn.boards.remote.shell import NOT_UNPACKED, Conversation
from edgernn.errors import ArtifactError, EngineError, LinkError, UsageError
from edgernn.runtime import load
from tests.boards.remote import sshd

GONE_S = 20
HERE = Shell("a machine", (), sys.executable, quoted=False)
"""This machine, with the runtime sent to it as to a board."""


def quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def over_ssh(server: sshd.Sshd, python: str = sys.executable, **options: str) -> Shell:
    return ssh_shell(server.host, server.options(**options), python)


def digest(request: Request) -> str:
    """What the outputs should be, by a session of this process."""
    found = hashlib.sha256()
    with load(request.artifact, request.engine) as session:
        for frame in request.frames["x"]:
            found.update(np.asarray(session.step(frame)).tobytes())
    return found.hexdigest()


def check(measured: Measured, request: Request) -> None:
    """All that can be known of any measurement."""
    latency, resident = measured.latency, measured.resident
    assert measured.engine == request.engine
    assert latency.steps >= request.steps
    assert latency.steps % len(request.frames["x"]) == 0
    assert 0 < latency.min <= latency.p50 <= latency.p90 <= latency.p99 <= latency.max
    assert latency.min <= latency.mean <= latency.max
    assert resident.before and resident.loaded and resident.after and resident.peak
    assert 10e6 < resident.before <= resident.loaded
    assert max(resident.loaded, resident.after) <= resident.peak
    assert measured.load_ms > 0 and measured.first_load_ms > 0
    assert measured.imports.numpy_ms > measured.imports.engine_ms >= 0
    assert measured.machine["architecture"] == os.uname().machine
    assert measured.versions["numpy"] == np.__version__
    assert measured.outputs_sha256 == digest(request)


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + GONE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of programs that are started here."""
    folder = tmp_path / "with space"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize("shell", [local_shell(), HERE], ids=["local", "sent"])
def test_this_machine(requests: dict[str, Request], shell: Shell, temporary: Path) -> None:
    stages: list[str] = []
    measured = measure(shell, requests["integers"], lambda stage, done, total: stages.append(stage))
    check(measured, requests["integers"])
    assert stages[0] == f"{shell.where}: sending"
    assert f"{shell.where}: loading" in stages
    assert not left(temporary)


@pytest.mark.parametrize("name", ["floats", "integers"])
def test_over_ssh(requests: dict[str, Request], server: sshd.Sshd, name: str) -> None:
    measured = measure(over_ssh(server), requests[name], quiet)
    check(measured, requests[name])
    assert not left(server.temporary)


def test_seconds_end_a_measurement_after_the_first_pass(requests: dict[str, Request]) -> None:
    request = replace(requests["floats"], steps=10_000_000, seconds=0.01)
    found = measure(local_shell(), request, quiet)
    assert len(request.frames["x"]) <= found.latency.steps < request.steps


def test_what_other_programs_print_is_passed_over(requests: dict[str, Request]) -> None:
    noisy = replace(HERE, prefix=("sh", "-c", 'echo "Welcome to the board"; exec "$@"', "sh"))
    check(measure(noisy, requests["integers"], quiet), requests["integers"])


def test_nobody_listens(requests: dict[str, Request], server: sshd.Sshd) -> None:
    with sshd.Reserved() as port, pytest.raises(LinkError, match=r"cannot be reached over ssh(.|\n)*refused") as error:
        measure(over_ssh(server, Port=str(port)), requests["floats"], quiet)
    assert error.value.exit_code == 1


def test_an_unknown_name(requests: dict[str, Request]) -> None:
    with pytest.raises(LinkError, match="cannot be reached over ssh"):
        measure(ssh_shell("no-such-board.invalid"), requests["floats"], quiet)


def test_a_refused_key(requests: dict[str, Request], server: sshd.Sshd, tmp_path: Path) -> None:
    sshd.make_key(tmp_path / "other")
    with pytest.raises(LinkError, match=r"does not let this user in(.|\n)*Permission denied(.|\n)*ssh-copy-id"):
        measure(over_ssh(server, IdentityFile=str(tmp_path / "other")), requests["floats"], quiet)


def test_an_unknown_host_key(requests: dict[str, Request], server: sshd.Sshd) -> None:
    with pytest.raises(LinkError, match="host key is not the known one"):
        measure(over_ssh(server, UserKnownHostsFile="/dev/null"), requests["floats"], quiet)


def test_no_python(requests: dict[str, Request], server: sshd.Sshd) -> None:
    with pytest.raises(LinkError, match=r"there is no program 'python9' there(.|\n)*--ssh-python"):
        measure(over_ssh(server, "python9"), requests["floats"], quiet)
    assert not left(server.temporary)


def test_python_without_numpy(requests: dict[str, Request], server: sshd.Sshd, tmp_path: Path) -> None:
    bare = program(tmp_path / "bare", f'exec "{sys.executable}" -S -E "$@"')
    with pytest.raises(LinkError, match=r"cannot import NumPy(.|\n)*install numpy there"):
        measure(over_ssh(server, str(bare)), requests["floats"], quiet)
    assert not left(server.temporary)


def program(path: Path, text: str) -> Path:
    """A program of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_python_of_the_home_folder(requests: dict[str, Request]) -> None:
    assert ssh_shell("pi@board", python="~/edge/bin/python").python == "edge/bin/python"


def test_python_that_is_killed(requests: dict[str, Request], temporary: Path) -> None:
    killed = replace(HERE, python=str(program(temporary.parent / "killed", "kill -9 $$")))
    with pytest.raises(LinkError, match="was killed while it started"):
        measure(killed, requests["floats"], quiet)
    assert not left(temporary)


def test_a_full_disk(requests: dict[str, Request], tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=64k tmpfs "$0" && TMPDIR=$0 exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(tmp_path))
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk (unshare --user --mount)")
    with pytest.raises(LinkError, match=r"the disk is full there(.|\n)*No space left on device"):
        measure(replace(HERE, prefix=prefix), requests["floats"], quiet)


def test_a_folder_that_cannot_be_made(requests: dict[str, Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/null")
    with pytest.raises(LinkError, match="no folder for temporary files"):
        measure(HERE, requests["floats"], quiet)


@pytest.mark.parametrize("stage", ["loading", "measuring"])
def test_a_cut_connection(requests: dict[str, Request], server: sshd.Sshd, stage: str) -> None:
    """What was sent is gone soon after."""
    request = replace(requests["floats"], steps=10_000_000)

    def cut(found: str, done: int, total: int) -> None:
        if found.endswith(stage):
            for process in server.connections():
                os.kill(process, 9)

    with pytest.raises(LinkError, match=rf"the connection was cut while {stage}"):
        measure(over_ssh(server), request, cut)
    assert wait_until(lambda: not left(server.temporary)), left(server.temporary)


def test_an_interruption_here_leaves_nothing_there(requests: dict[str, Request], server: sshd.Sshd) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage.endswith("measuring"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(over_ssh(server), replace(requests["floats"], steps=10_000_000), interrupt)
    assert wait_until(lambda: not left(server.temporary)), left(server.temporary)


def test_files_that_do_not_arrive_whole(requests: dict[str, Request], temporary: Path) -> None:
    talk = Conversation(HERE, pack(requests["floats"], runtime=True)[:20_000])
    assert not list(talk.lines())
    code, said = talk.end()
    talk.close()
    assert (code, bool(said)) == (NOT_UNPACKED, True)
    assert not left(temporary)


def test_an_engine_that_does_not_run_the_file(requests: dict[str, Request], server: sshd.Sshd) -> None:
    with pytest.raises(EngineError, match=rf"{server.host}: floats.ern: engine 'native' runs .so files"):
        measure(over_ssh(server), replace(requests["floats"], engine="native"), quiet)


def test_a_damaged_artifact(requests: dict[str, Request], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.ern"
    damaged.write_bytes(requests["floats"].artifact.read_bytes()[:-10])
    with pytest.raises(ArtifactError, match=r"a machine: damaged\.ern: "):
        measure(HERE, replace(requests["floats"], artifact=damaged), quiet)
    with pytest.raises(ArtifactError, match=r"no-such.ern: cannot be read"):
        measure(HERE, replace(requests["floats"], artifact=tmp_path / "no-such.ern"), quiet)


@pytest.mark.parametrize("host", ["", "-oProxyCommand=true", "pi@board; true"])
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(UsageError, match="expected a host as ssh takes it"):
        ssh_shell(host)


@pytest.mark.parametrize("option", ["Port", "-p=22", "=1"])
def test_what_is_no_option(option: str) -> None:
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        ssh_shell("pi@board", [option])


def test_no_ssh_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LinkError, match="there is no program ssh here"):
        ssh_shell("pi@board")


def test_threads_are_not_left(requests: dict[str, Request]) -> None:
    before = set(threading.enumerate())
    measure(local_shell(), requests["integers"], quiet)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread
