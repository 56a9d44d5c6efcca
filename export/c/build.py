"""Finding and running a C compiler."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgernn.errors import MissingExtraError, OutputError, UsageError
from edgernn.export.c.targets import Target

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wconversion"]
UNITY = ["-Wno-unused-function"]
SHARED = [
    "-shared",
    "-fPIC",
    "-nostdlib",
    "-fvisibility=hidden",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-s",
]


@dataclass(frozen=True)
class Compiler:
    """A command that compiles C, and whether it is zig, which compiles for any target."""

    command: tuple[str, ...]
    is_zig: bool = False


def find_compiler(cc: str | None, cross: bool) -> Compiler:
    """``cc`` if given; for another machine zig; otherwise the first of $CC, cc, gcc, clang and zig.

    Raises UsageError for a ``cc`` that does not exist, MissingExtraError where there is none at all.
    """
    if cc is not None:
        return _named(cc)
    zig = _zig()
    if not cross:
        if os.environ.get("CC"):
            return _named(os.environ["CC"])
        for name in ("cc", "gcc", "clang"):
            if path := shutil.which(name):
                return Compiler((path,))
    if zig is None:
        purpose = (
            "building for another machine" if cross else "building a shared library (cc, gcc and clang are missing too)"
        )
        raise MissingExtraError("ziglang", "native", purpose)
    return zig


def _named(cc: str) -> Compiler:
    command = shlex.split(cc)
    path = shutil.which(command[0]) if command else None
    if path is None:
        raise UsageError(f"there is no C compiler {cc!r}; give the name or path of one, or leave it out")
    return Compiler((path, *command[1:]), is_zig=Path(path).name == "zig" or "ziglang" in command)


def _zig() -> Compiler | None:
    if importlib.util.find_spec("ziglang"):
        return Compiler((sys.executable, "-m", "ziglang", "cc"), is_zig=True)
    path = shutil.which("zig")
    return Compiler((path, "cc"), is_zig=True) if path else None


def flags(compiler: Compiler, target: Target, optimize: str, host: bool) -> list[str]:
    """Arguments that compile for ``target``; ``host`` when that is this very machine."""
    common = [
        "-std=c99",
        optimize,
        "-ffp-contract=fast",
        *WARNINGS,
        *UNITY,
        *SHARED,
        f"-DERN_LANES={target.lanes}",
    ]
    if compiler.is_zig:
        cross = ["-target", target.triple, f"-mcpu={target.cpu}"] if target.triple else []
        # The compiler's headers of vector instructions want <stdlib.h> of a hosted one, which -nostdlib takes away.
        return [*common, "-fno-sanitize=all", "-ffreestanding", *cross]
    tune = ["-mtune=native"] if host else []
    return [*common, *target.flags, *tune]


def compile_shared(compiler: Compiler, arguments: list[str], source: Path, output: Path) -> None:
    """Run the compiler. Raises OutputError with its words where it fails."""
    command = [*compiler.command, *arguments, str(source), "-o", str(output)]
    try:
        run = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    except OSError as error:
        raise OutputError(f"{compiler.command[0]}: cannot be run: {error.strerror or error}") from None
    if run.returncode or not output.is_file():
        words = run.stderr.strip() or run.stdout.strip() or "no message"
        raise OutputError(
            f"the C compiler failed with exit code {run.returncode}: {shlex.join(command)}\n{words[-4000:]}"
        )
