"""The runtime's tests under the userland of two Raspberry Pis: ``make test-pi``, which prepares what this needs.

    python -m tests.pi.run

Runs `tests/packaging/base_only.py` with NumPy alone, and `check.py` for each engine and kind of model, as many at a
time as there are processors; then measures there as `edgernn profile` does. What is skipped is printed with its reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.pi.emulate import BASE, FOLDER, ROOT, SITE, interpreter
from tests.pi.profile import check_profile
from tests.pi.write import main as write

TIMEOUT_S = 1200
TIMED_OUT = 124
"""Exit code of timeout(1)."""

CASES = FOLDER / "cases"
BASE_MODEL = ROOT / ".venv-base/model"


@dataclass(frozen=True)
class Task:
    """One process under emulation. ``alone``: NumPy is the only package."""

    board: str
    script: Path
    arguments: tuple[str, ...]
    alone: bool = False


CHECK = ROOT / "tests/pi/check.py"
TASKS = [
    # The longest first: numba compiles all kernels.
    *(Task("rpi4", CHECK, (str(CASES), "rpi4", f"numba:{kind}")) for kind in ("floats", "integers")),
    Task("rpi5", CHECK, (str(CASES), "rpi5", "numba:integers")),
    *(
        Task(board, CHECK, (str(CASES), board, engine))
        for engine in ("native", "reference", "tflite", "onnxruntime")
        for board in ("rpi4", "rpi5")
    ),
    Task("rpi4", ROOT / "tests/packaging/base_only.py", ("check", str(BASE_MODEL)), alone=True),
]
LEFT_OUT = "rpi5: SKIPPED numba:floats: compiling every kernel under emulation takes minutes; rpi4 runs them"


def main() -> int:
    """Write the cases, run all tasks, and say how long each took. 1 where one failed."""
    shutil.rmtree(CASES, ignore_errors=True)
    write(CASES)
    with tempfile.TemporaryDirectory(prefix="edgernn-pi-") as work, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda pair: run(pair[1], Path(work) / str(pair[0])), enumerate(TASKS)))
        found.append(check_profile(Path(work)))
    print(LEFT_OUT)
    failed = found.count(False)
    print(f"test-pi: {len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


def run(task: Task, cache: Path) -> bool:
    """Run one task and print what it printed."""
    start = time.perf_counter()
    cache.mkdir()
    path = [BASE] if task.alone else [BASE, SITE]
    words = [*interpreter(task.board, path, cache), str(task.script), *task.arguments]
    done = subprocess.run(
        ["timeout", str(TIMEOUT_S), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cache,
        check=False,
    )  # fmt: skip
    text, passed = done.stdout, done.returncode == 0
    status = f"not done after {TIMEOUT_S} s" if done.returncode == TIMED_OUT else f"exit code {done.returncode}"
    name = f"{task.script.stem} {' '.join(task.arguments[1:])}"
    print(f"{text.rstrip()}\n{task.board}: {name}: {status}, {time.perf_counter() - start:.1f} s\n", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
