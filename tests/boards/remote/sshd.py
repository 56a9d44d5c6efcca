"""An sshd of this user on a high port of the loopback interface, with keys of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

START_S = 10
PRIVILEGE_FOLDER = Path("/run/sshd")
"""What an sshd of root wants to find; a service manager makes it where sshd is a service."""


@dataclass
class Sshd:
    """A running server."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    host = "127.0.0.1"

    @property
    def temporary(self) -> Path:
        """TMPDIR of what runs there."""
        return self.folder / "temporary"

    @property
    def key(self) -> Path:
        """Of the user that may log in."""
        return self.folder / "user_key"

    def options(self, **changes: str) -> list[str]:
        """What ssh has to be told, as in ssh_config(5)."""
        found = {
            "Port": str(self.port), "IdentityFile": str(self.key), "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.folder / "known_hosts"), "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
        }  # fmt: skip
        return [f"{name}={value}" for name, value in (found | changes).items()]

    def connections(self) -> list[int]:
        """Processes of the server that serve a connection."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(folder: Path) -> Sshd:
    """Make keys and start a server; skips where there is no sshd, or none that starts, with the reason."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    for name in ("ssh", "ssh-keygen"):
        if shutil.which(name) is None:
            pytest.skip(f"there is no {name}: install openssh-client")
    if program is None:
        pytest.skip("there is no sshd: install openssh-server")
    shell = pwd.getpwuid(os.getuid()).pw_shell
    if Path(shell).name in ("nologin", "false"):
        pytest.skip(f"this user cannot log in: its shell is {shell}")
    for name in ("host_key", "user_key"):
        make_key(folder / name)
    (folder / "temporary").mkdir()
    with Reserved() as port:
        pass
    (folder / "authorized_keys").write_bytes((folder / "user_key.pub").read_bytes())
    host_key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[{Sshd.host}]:{port} {host_key}")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress {Sshd.host}\nHostKey {folder / 'host_key'}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nStrictModes no\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
        f"SetEnv TMPDIR={folder / 'temporary'}\n"
    )
    if os.geteuid() == 0:
        PRIVILEGE_FOLDER.mkdir(mode=0o755, exist_ok=True)
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=log, stdin=subprocess.DEVNULL)
    server = Sshd(port, folder, process)
    wait_for(server)
    return server


def make_key(path: Path) -> None:
    """A new key without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


class Reserved:
    """A port that is held without listening: it refuses connections."""

    def __enter__(self) -> int:
        self._socket = socket.socket()
        self._socket.bind((Sshd.host, 0))
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def wait_for(server: Sshd) -> None:
    """Until it answers."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.process.poll() is None:
        try:
            socket.create_connection((server.host, server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    server.process.terminate()
    server.process.wait()
    pytest.skip(f"sshd does not start here: {(server.folder / 'sshd.log').read_text()[-300:]}")
