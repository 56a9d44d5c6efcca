"""Runs a measurement over a shell, and turns every way in which it can fail into an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from edgernn.boards.remote.bundle import Request, pack
from edgernn.boards.remote.report import Measured
from edgernn.boards.remote.shell import NO_FOLDER, NO_PYTHON, NOT_UNPACKED, Conversation, Shell
from edgernn.errors import ArtifactError, EdgeRNNError, EngineError, FrameError, LinkError, UsageError
from edgernn.runtime.measure.start import MARK

Progress = Callable[[str, int, int], None]

SSH_FAILED = 255
KILLED = (137, -9)
CUT = ("closed by remote host", "client_loop", "Broken pipe", "not responding", "Connection reset")
"""What ssh says of a connection that was there."""

KINDS: Mapping[str, type[EdgeRNNError]] = {
    "ArtifactError": ArtifactError, "EngineError": EngineError, "MissingExtraError": EngineError,
    "FrameError": FrameError, "UnsupportedOpError": EngineError, "UsageError": UsageError,
}  # fmt: skip
"""Error there -> error here."""

LAST_LINES = 3


def measure(shell: Shell, request: Request, progress: Progress) -> Measured:
    """Measure there, in two fresh processes: the first finds nothing compiled, the second what the first left.

    Nothing stays on the machine. Raises LinkError where the machine is not reached or lacks Python, NumPy or room,
    or where the connection is cut; ArtifactError, EngineError and FrameError as ``edgernn.load`` and a step there.
    """
    progress(f"{shell.where}: sending", 0, 0)
    talk = Conversation(shell, pack(request, runtime=not shell.modules))
    reports: list[dict[str, Any]] = []
    refusal: EdgeRNNError | None = None
    stage = ""
    try:
        for line in talk.lines():
            if not line.startswith(MARK):
                continue
            message = _parse(line[len(MARK) :], shell)
            if "progress" in message:
                stage, done, total = message["progress"]
                progress(f"{shell.where}: {stage}", done, total)
            elif "error" in message:
                refusal = _reported(shell, **message["error"])
            else:
                reports.append(message["report"])
        code, said = talk.end()
    finally:
        talk.close()
    if refusal is not None:
        raise refusal
    if code or len(reports) != 2:
        raise _failure(shell, code, said, stage)
    return Measured.of(shell.where, *reports)


def _parse(text: str, shell: Shell) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except json.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or not message.keys() & {"progress", "error", "report"}:
        raise LinkError(f"{shell.where}: expected a message of the measurement, found {text!r:.80}")
    return message


def _reported(shell: Shell, kind: str, message: str) -> EdgeRNNError:
    """What the program there says of itself."""
    other = "" if not shell.is_ssh else ", or name another Python with --ssh-python"
    if kind == "python":
        return LinkError(f"{shell.where}: {message}\n  what to do: install Python 3.10 or newer there{other}")
    if kind == "numpy":
        return LinkError(f"{shell.where}: {message}\n  what to do: install numpy there{other}")
    return KINDS.get(kind, LinkError)(f"{shell.where}: {message}")


def _failure(shell: Shell, code: int, said: str, stage: str) -> LinkError:
    """What the end of the process means."""
    where, tail = shell.where, "\n".join(said.splitlines()[-LAST_LINES:])
    quote = "\n" + "\n".join(f"    {line}" for line in tail.splitlines()) if tail else ""
    if code == NO_PYTHON:
        return LinkError(
            f"{where}: there is no program {shell.python!r} there\n"
            f"  what to do: install Python there, or say where it is with --ssh-python (for instance edge/bin/python)"
        )
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return LinkError(
            f"{where}: the disk is full there{quote}\n"
            f"  what to do: free some megabytes of its folder for temporary files (TMPDIR, or /tmp)"
        )
    if code in (NO_FOLDER, NOT_UNPACKED):
        return LinkError(
            f"{where}: no folder for temporary files could be made and filled there{quote}\n"
            f"  what to do: see that mktemp and tar are installed, and that TMPDIR, or /tmp, can be written"
        )
    if code in KILLED:
        return LinkError(
            f"{where}: the process there was killed while {stage or 'it started'}: most likely memory ran out{quote}\n"
            f"  what to do: close other programs there, or choose an engine that needs less memory"
        )
    if code == SSH_FAILED and shell.is_ssh:
        return _connection(where, said, quote, stage)
    return LinkError(f"{where}: the measurement ended with exit code {code}{f' while {stage}' if stage else ''}{quote}")


def _connection(where: str, said: str, quote: str, stage: str) -> LinkError:
    """What ssh says."""
    if stage or any(words in said for words in CUT):
        return LinkError(
            f"{where}: the connection was cut{f' while {stage}' if stage else ''}{quote}\n"
            f"  what to do: run the command again; what was sent is removed there"
        )
    if "Host key verification failed" in said or "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return LinkError(
            f"{where}: its host key is not the known one, or not known yet{quote}\n"
            f"  what to do: `ssh {where}` once and compare the fingerprint, or see to known_hosts"
        )
    if "Permission denied" in said or "Too many authentication failures" in said:
        return LinkError(
            f"{where}: it does not let this user in{quote}\n"
            f"  what to do: `ssh-copy-id {where}`, or name the key: --ssh-option IdentityFile=FILE"
        )
    return LinkError(
        f"{where}: cannot be reached over ssh{quote}\n"
        f"  what to do: see that the board is on, that its name is right, and that `ssh {where}` works"
    )
