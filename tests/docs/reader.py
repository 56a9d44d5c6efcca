"""Does what a document tells its reader to do, in a folder of its own."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docs.markdown import ROOT, Block, commands

DRIFT_STEPS = ["--drift-steps", "300"]
"""Documents leave this at its default; the length of the long stream changes nothing in what they show."""
SHELL = re.compile(r"[|<>;&$*]")
IN_PROCESS = (["edgernn", "export"], ["edgernn", "validate"])
"""Commands that import torch, which takes longer than all else that they do."""
TIMEOUT_S = 300


class Reader:
    """A namespace for Python, and a folder that holds the files so far and a link to the examples.

    python: saved when its first line names a file, else run. pycon: a doctest. console: commands, whose
    output must be the one shown but for numbers. Other languages: saved when the first line names a file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__docs__"}
        (folder / "examples").symlink_to(ROOT / "examples")
        self.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        """`edgernn` and `python` on PATH are those of this environment."""
        binaries = self.folder / ".bin"
        binaries.mkdir()
        for name, call in (("edgernn", "-m edgernn"), ("python", "")):
            script = binaries / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
            script.chmod(0o755)
        paths = {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        return {**os.environ, **paths, "OMP_NUM_THREADS": "1"}

    def follow(self, block: Block) -> None:
        """Do what the block says. Raises AssertionError where the document is wrong."""
        if block.file:
            self._save(self.folder / block.file, block.text)
        elif block.language == "python":
            exec(compile(block.text, str(block), "exec"), self.names)
        elif block.language == "pycon":
            self._doctest(block)
        elif block.language == "console":
            for command, shown in commands(block):
                same_but_for_numbers(shown, self._run(command), f"{block}: {command}")

    def _save(self, path: Path, text: str) -> None:
        path.write_text(text)
        if path.suffix == ".py":
            sys.modules.pop(path.stem, None)  # of another document's folder

    def _doctest(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.text, self.names, str(block), str(block), block.line)
        report = io.StringIO()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
        failed, _ = runner.run(test, out=report.write, clear_globs=False)
        self.names.update(test.globs)
        assert not failed, report.getvalue()

    def _run(self, command: str) -> str:
        """What the command prints; it must end with exit code 0."""
        words = shlex.split(command)
        if words[:2] in IN_PROCESS and not SHELL.search(command):
            return run_verb(words[1:])
        run = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert run.returncode == 0, f"{command}: exit code {run.returncode}\n{run.stdout}"
        return run.stdout


def run_verb(arguments: list[str]) -> str:
    """``edgernn export`` or ``validate`` in this process."""
    from edgernn.cli import main

    with captured() as text:
        code = main([*arguments, *DRIFT_STEPS])
    assert code == 0, f"edgernn {shlex.join(arguments)}: exit code {code}\n{text.getvalue()}"
    return text.getvalue()


@contextlib.contextmanager
def captured() -> Iterator[io.StringIO]:
    """What is printed, to both streams."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


_NUMBER = re.compile(r"[0-9a-f]{12,}|[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def normalised(text: str) -> list[str]:
    """Lines without the lines of tables and without spaces at their ends; every number is #."""
    lines = (re.sub(r"[━─┏┓┡┩┃│└┘├┤┼┳╇┴╋┻ ]+", " ", line).strip() for line in text.splitlines())
    return [_NUMBER.sub("#", line) for line in lines if line]


def same_but_for_numbers(shown: str, found: str, where: str) -> None:
    """Every line shown must be printed, in this order; a line "..." stands for any lines."""
    printed = iter(normalised(found))
    for line in normalised(shown):
        if line == "...":
            continue
        assert any(line == candidate for candidate in printed), (
            f"{where}: the document shows {line!r}, but what is printed is\n{found}"
        )
