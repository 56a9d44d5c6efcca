"""Runs the command line, in this process or in one of its own."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from edgernn.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """Exit code and text of a call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def cli(*arguments: object, stdin: bytes = b"") -> Result:
    """Call ``edgernn`` in this process."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    source = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))  # type: ignore[type-var]
    with mock.patch.multiple(sys, stdin=source, stdout=out, stderr=err):
        code = main([str(a) for a in arguments])
        texts = [_text(stream) for stream in (out, err)]
    return Result(code, *texts)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


def ok(result: Result) -> Result:
    """``result``, which must have exit code 0."""
    assert result.code == 0, result.err + result.out
    return result


def spawn(*arguments: object, **options: Any) -> "subprocess.Popen[bytes]":
    """Start ``edgernn`` in a process of its own, with pipes, unless ``options`` say otherwise.

    It hears SIGINT, also where the tests run in the background of a shell that lets its children ignore it.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    call = [sys.executable, "-m", "edgernn", *map(str, arguments)]
    first = options.pop("preexec_fn", None)
    return subprocess.Popen(call, env=environment, preexec_fn=partial(_begin, first), **{**pipes, **options})


def _begin(first: Callable[[], object] | None) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if first is not None:
        first()
