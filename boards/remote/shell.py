"""A shell on the machine that measures: the system's ssh client leads to it, or it is one of this machine.

One command does everything, over one connection: it unpacks standard input into a new folder, measures there, and
removes the folder, whatever happens, also when the connection is gone.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from edgernn.boards.remote.bundle import package_root
from edgernn.errors import LinkError, UsageError

SSH_OPTIONS = ("ConnectTimeout=15", "ServerAliveInterval=10", "ServerAliveCountMax=3")
"""After the user's own, of which ssh takes the first: a board that is gone is noticed after half a minute."""

NO_PYTHON, NO_FOLDER, NOT_UNPACKED = 91, 92, 93
"""Exit codes of the script, which Python does not use."""

SCRIPT = f"""python=$1; modules=$2
command -v "$python" >/dev/null 2>&1 || exit {NO_PYTHON}
folder=$(LC_ALL=C mktemp -d "${{TMPDIR:-/tmp}}/edgernn-XXXXXXXX") || exit {NO_FOLDER}
trap "exit 1" HUP INT TERM PIPE
trap "rm -rf \\"$folder\\"" EXIT
LC_ALL=C tar -xf - -C "$folder" || exit {NOT_UNPACKED}
modules=${{modules:-$folder}}
"$python" "$modules/edgernn/runtime/measure/start.py" "$folder" "$modules" first || exit
"$python" "$modules/edgernn/runtime/measure/start.py" "$folder" "$modules" </dev/null
"""


@dataclass(frozen=True)
class Shell:
    """How a command of one line is run on a machine.

    where    for messages
    prefix   the words before the command
    python   the interpreter there
    modules  the folder that holds the package there, "" where it has to be sent
    quoted   whether the command passes through one more shell, as ssh has it
    """

    where: str
    prefix: tuple[str, ...]
    python: str
    modules: str = ""
    quoted: bool = True

    @property
    def is_ssh(self) -> bool:
        """Whether a connection lies between."""
        return self.quoted

    def command(self, script: str = SCRIPT) -> list[str]:
        """The words of the process that runs ``script`` there."""
        words = ["sh", "-c", script.replace("\n", "; ").rstrip("; "), "edgernn", self.python, self.modules]
        return [*self.prefix, shlex.join(words)] if self.quoted else [*self.prefix, *words]


def local_shell() -> Shell:
    """This machine, with the Python and the package that run this."""
    return Shell("this machine", (), sys.executable, str(package_root()), quoted=False)


def ssh_shell(host: str, options: Sequence[str] = (), python: str = "") -> Shell:
    """``host`` as ssh takes it, with options as they stand in ssh_config(5): "Port=2222".

    ``python``: the interpreter there, as a path from the home folder where it is not on the PATH.

    Raises UsageError for what is no host, and LinkError where there is no ssh.
    """
    if not host or host.startswith("-") or any(c.isspace() for c in host):
        raise UsageError(f"--ssh {host!r}: expected a host as ssh takes it: pi@raspberrypi.local")
    for option in options:
        if "=" not in option or option.startswith(("-", "=")):
            raise UsageError(f"--ssh-option {option!r}: expected NAME=VALUE as in ssh_config: Port=2222")
    program = shutil.which("ssh")
    if program is None:
        raise LinkError(f"{host}: there is no program ssh here\n  what to do: install an OpenSSH client")
    batch = () if sys.stdin is not None and sys.stdin.isatty() else ("BatchMode=yes",)
    words = [word for option in (*options, *SSH_OPTIONS, *batch) for word in ("-o", option)]
    return Shell(host, (program, "-T", *words, "--", host), (python or "python3").removeprefix("~/"))


class Conversation:
    """A process on the machine: bytes to its standard input, lines from its standard output."""

    def __init__(self, shell: Shell, data: bytes) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            shell.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        self._writer = threading.Thread(target=self._write, args=(data,), daemon=True)
        self._writer.start()

    def _write(self, data: bytes) -> None:
        """What cannot be written is told by the process's end."""
        stream = self._process.stdin
        if stream is None:
            return
        with suppress(OSError):
            stream.write(data)
        with suppress(OSError):
            stream.close()

    def lines(self) -> Iterator[str]:
        """Lines of standard output, until it ends."""
        if self._process.stdout is not None:
            for line in self._process.stdout:
                yield line.decode("utf-8", "replace").rstrip("\n")

    def end(self) -> tuple[int, str]:
        """Wait for the end; exit code and standard error."""
        code = self._process.wait()
        self._writer.join()
        self._errors.seek(0)
        return code, self._errors.read().decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Let go: the machine notices, and tidies up by itself."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._errors.close()
