"""Run examples: python -m examples [NAME ...], all of them by default, two at a time.

Each is exported, proved, scored, profiled and shown in build/examples/NAME. The README of each gets its numbers; after
all have run, docs/applications.md is written, or with --check compared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgernn.errors import EdgeRNNError
from examples.common import results, tables
from examples.common.checking import differences
from examples.common.example import run
from examples.common.exporting import BUILD, EXAMPLES, names, task_of

ROOT = EXAMPLES.parent
DOCUMENT = ROOT / "docs" / "applications.md"
PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one here, or several in processes of their own; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples", description="from committed weights to boards")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names())}; all by default")
    parser.add_argument("--jobs", type=int, default=PROCESSES, help="processes at a time")
    parser.add_argument("--table", action="store_true", help="run nothing: write the table of the last results")
    parser.add_argument("--check", action="store_true", help="write no table: compare with the one that is written")
    options = parser.parse_args(arguments)
    if options.table:
        return _write_table(names())
    for name in options.names:
        if name not in names():
            parser.error(f"there is no example {name!r}; examples are {', '.join(names())}")
    if len(options.names) == 1 and not options.check:
        return _one(options.names[0])
    chosen = options.names or names()
    code = _several(chosen, options.jobs)
    if code or (options.names and not options.check):
        return code
    return _check_table(chosen) if options.check else _write_table(chosen)


def _one(name: str) -> int:
    try:
        result = run(task_of(name), BUILD / name)
    except EdgeRNNError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    tables.replace_section(EXAMPLES / name / "README.md", tables.section(result))
    print(f"\n{tables.section(result)}\nreport with pictures: {BUILD / name / 'report.md'}")
    return 0


def _several(chosen: Sequence[str], jobs: int) -> int:
    start_s = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        codes = list(pool.map(_process, chosen))
    failed = [name for name, code in zip(chosen, codes, strict=True) if code]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    print(f"{len(chosen)} examples in {time.perf_counter() - start_s:.0f} s")
    return 0


def _check_table(chosen: Sequence[str]) -> int:
    wrong = differences(DOCUMENT, [results.read(BUILD / name) for name in chosen])
    for line in wrong:
        print(f"{DOCUMENT.name}: {line}", file=sys.stderr)
    return 1 if wrong else 0


def _write_table(chosen: Sequence[str]) -> int:
    found = [results.read(BUILD / name) for name in chosen]
    for part in (tables.scores, tables.boards, tables.streams):
        tables.replace_section(DOCUMENT, part(found), part.__name__)
    print(f"table: {DOCUMENT}")
    return 0


def _process(name: str) -> int:
    """Run one in a process of its own; what it prints is kept, and shown where it fails."""
    start_s = time.perf_counter()
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    with log.open("w") as file:
        code = subprocess.run(
            [sys.executable, "-m", "examples", name], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode
    said = "done" if code == 0 else f"failed, see {log}:\n{_tail(log)}"
    print(f"{name}: {said} in {time.perf_counter() - start_s:.0f} s", flush=True)
    return code


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text().splitlines()[-lines:])


if __name__ == "__main__":
    sys.exit(main())
