"""Compile every C file of a folder with every compiler present, all warnings being errors.

Usage: python tools/c_warnings.py FOLDER [FOLDER ...]
Exit code: 0 when no compiler objects, 1 otherwise, or when there is no compiler at all.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror", "-c"]
# The optimiser finds what the parser does not (uninitialised reads, array bounds).
LEVELS = ["-O0", "-O3"]


def compilers() -> dict[str, list[str]]:
    """Name and command of each C compiler of this machine; a missing one is reported, not hidden."""
    found = {name: [path] for name in ("gcc", "clang") if (path := shutil.which(name))}
    if path := shutil.which("zig"):
        found["zig"] = [path, "cc"]
    elif importlib.util.find_spec("ziglang"):
        found["zig"] = [sys.executable, "-m", "ziglang", "cc"]
    for name in ("gcc", "clang", "zig"):
        if name not in found:
            print(f"c-warnings: {name} skipped: not installed")
    return found


def complaints(command: list[str], source: Path, include: Path) -> str:
    """What the compiler prints when it rejects the file at some level; empty when it accepts it."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "object.o"
        for level in LEVELS:
            call = [*command, *FLAGS, level, f"-I{include}", str(source), "-o", str(output)]
            run = subprocess.run(call, capture_output=True, text=True, check=False)
            if run.returncode:
                return run.stderr or run.stdout or f"exit code {run.returncode}"
    return ""


def main(folders: list[str]) -> int:
    """Check the folders and return the exit code."""
    sources = [source for folder in folders for source in sorted(Path(folder).rglob("*.c"))]
    if not sources:
        print(f"c-warnings: no C file in {', '.join(folders) or 'nothing'}")
        return 1
    found = compilers()
    if not found:
        print("c-warnings: no C compiler found; install gcc, or `pip install ziglang`")
        return 1
    failed = 0
    for name, command in found.items():
        rejected = {source: complaints(command, source, source.parent) for source in sources}
        rejected = {source: text for source, text in rejected.items() if text}
        for source, text in rejected.items():
            print(f"c-warnings: {name} rejects {source}\n{text}")
        failed += len(rejected)
        print(f"c-warnings: {name}: {len(sources) - len(rejected)} of {len(sources)} files clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
