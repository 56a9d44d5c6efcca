"""The engines on a Raspberry Pi, or under its userland, give the answers that ``write.py`` saved.

    python check.py FOLDER BOARD [ENGINE | ENGINE:KIND ...]

Needs NumPy and the runtime; an engine whose package is missing is named as skipped, with the reason, and so is every
case that an engine is known not to run. Exit code 1 when an answer differs: by a bit for integer models, by more than
the tolerance of the case for float ones.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.errors import EngineError, MissingExtraError
from edgernn.ir.cpu import cpu_features
from edgernn.runtime import Session, load

Answers = dict[str, Any]


def main(folder: Path, board: str, wanted: list[str]) -> int:
    """Run what the manifest lists for ``board``, all of it or on the engines named."""
    manifest = json.loads((folder / "manifest.json").read_text())
    print(f"{board}: {platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, {model()}")
    passed, failed, skipped = 0, 0, 0
    for run in manifest["runs"]:
        names = {run["engine"], f"{run['engine']}:{run['kind']}"}
        if run["board"] not in ("", board) or (wanted and not names & set(wanted)):
            continue
        start = time.process_time()
        try:
            wrong = differences(folder, run)
        except MissingExtraError as missing:
            print(f"{board}: SKIPPED {run['engine']} on {run['file']}: {missing}")
            skipped += len(run["cases"])
            continue
        passed, failed = passed + len(run["cases"]) - len(wrong), failed + len(wrong)
        skipped += len(run["skipped"])
        for text in [*(f"FAILED {case}" for case in wrong), *known(run["skipped"])]:
            print(f"{board}: {text} ({run['engine']})")
        print(f"{board}: {run['engine']:11} {run['file']:20} {len(run['cases']):4} cases, "
              f"{time.process_time() - start:5.1f} s of processor time", flush=True)  # fmt: skip
    print(f"{board}: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def model() -> str:
    """What the system says that it is."""
    try:
        name = Path("/proc/device-tree/model").read_text().rstrip("\0")
    except OSError:
        name = "no device tree"
    return f"{name}, {' '.join(sorted(cpu_features()))}"


def known(skipped: dict[str, str]) -> list[str]:
    """One line a reason."""
    reasons: dict[str, list[str]] = {}
    for case, reason in skipped.items():
        reasons.setdefault(reason, []).append(case)
    return [f"SKIPPED {', '.join(cases)}: {reason}" for reason, cases in reasons.items()]


def differences(folder: Path, run: dict[str, Any]) -> list[str]:
    """The cases whose answers differ, at the first pass, after a reset, or from the saved state on."""
    with np.load(folder / run["answers"]) as saved:
        answers = dict(saved)
    wrong: dict[str, None] = {}
    with load(folder / run["file"], run["engine"], raw=True) as session:
        if session.engine != run["engine"]:
            raise EngineError(f"{run['file']} runs on {session.engine}, not on {run['engine']}")
        compare = Comparison(session, answers, run)
        wrong |= dict.fromkeys(compare.steps(0) + compare.states())
        session.reset()
        wrong |= dict.fromkeys(compare.steps(0))
        session.restore(answers["snapshot"].tobytes())
        wrong |= dict.fromkeys(compare.steps(int(answers["saved_after"])) + compare.states())
    return list(wrong)


class Comparison:
    """Steps of a session beside the saved answers. Ports are named by their case: ``g<number>_<port>``."""

    def __init__(self, session: Session, answers: Answers, run: dict[str, Any]) -> None:
        self._session, self._answers = session, answers
        self._cases, self._tolerances = run["cases"], run["tolerances"]

    def steps(self, first: int) -> list[str]:
        """Cases with a wrong output from step ``first`` on."""
        session, wrong = self._session, []
        for t in range(first, int(self._answers["steps"])):
            frames = [self._answers[f"x{t}_{k}"] for k in range(len(session.inputs))]
            found = session.step(*frames)
            outputs = list(found.values()) if isinstance(found, dict) else [found]
            names = [port.name for port in session.outputs]
            wrong += self._wrong(names, outputs, [self._answers[f"y{t}_{k}"] for k in range(len(names))])
        return wrong

    def states(self) -> list[str]:
        """Cases with a wrong state."""
        found = self._session.get_states()
        return self._wrong(list(found), list(found.values()), [self._answers[f"state{k}"] for k in range(len(found))])

    def _wrong(self, names: list[str], found: list[Any], wanted: list[Any]) -> list[str]:
        cases = [int(name[1:].split("_")[0]) for name in names]
        return [
            self._cases[k] for k, a, b in zip(cases, found, wanted, strict=True)
            if not equal(a, b, self._tolerances[k])
        ]  # fmt: skip


def equal(found: Any, wanted: Any, tolerance: float) -> bool:
    """Whether shapes, types and values are the same, values up to ``tolerance`` of the largest."""
    if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
        return False
    if not tolerance:
        return bool(np.array_equal(found, wanted))
    largest = np.iinfo(wanted.dtype).max if wanted.dtype.kind == "i" else max(1.0, float(np.abs(wanted).max()))
    difference = np.abs(found.astype(np.float64) - wanted)
    return bool(np.isfinite(difference).all() and difference.max() <= tolerance * largest)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
