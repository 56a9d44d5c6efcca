"""Writes what ``check.py`` runs on a Raspberry Pi: every op case in every format, with the answers of this machine.

    python -m tests.pi.write FOLDER

All cases of a kind are one model: ``floats``, ``integers`` (the project's own, compared bit for bit) and ``foreign``
(the integers of TensorFlow Lite, near the reference). ``manifest.json`` lists what is to be run on which engine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.export.c import write_shared_library
from edgernn.ir.codec import fingerprint
from edgernn.ir.interface import Interface
from edgernn.runtime.engines.reference import ReferenceEngine
from edgernn.runtime.snapshot import pack_snapshot
from tests.export.c_support import merged
from tests.ops.cases import all_cases
from tests.ops.cases.base import STEPS, Case
from tests.ops.integer_cases import integer_cases, narrow_cases
from tests.ops.integer_cases.foreign import foreign_cases
from tests.support import SUFFIX_OF_ENGINE, write

SAVED_AFTER = STEPS // 2
"""Steps after which a snapshot is taken."""

TARGETS = {"rpi4": "cortex_a72", "rpi5": "cortex_a76"}
"""Board -> the processor that its shared library is for."""

KINDS = {
    "floats": (all_cases, ("native", "tflite", "onnxruntime", "numba", "reference")),
    "integers": (lambda: [*integer_cases(), *narrow_cases()], ("native", "numba", "reference")),
    "foreign": (foreign_cases, ("tflite",)),
}
"""Kind -> its cases, and the engines that run them."""


def main(folder: Path) -> None:
    """Write all kinds, and the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [run for kind in KINDS for run in write_kind(folder, kind)]
    (folder / "manifest.json").write_text(json.dumps({"runs": runs}))
    print(f"{len(runs)} runs of {sum(len(cases()) for cases, _ in KINDS.values())} cases")


def write_kind(folder: Path, kind: str) -> list[dict[str, Any]]:
    """One model and one file of answers for each set of cases that engines have in common. Returns what to run."""
    collect, engines = KINDS[kind]
    written: dict[tuple[str, ...], str] = {}
    runs = []
    for engine in engines:
        cases = [case for case in collect() if engine not in case.skip]
        names = tuple(case.name for case in cases)
        if names not in written:
            written[names] = f"{kind}{len(written) or ''}"
            save_answers(folder / f"{written[names]}.npz", cases)
        skipped = {case.name: case.skip[engine] for case in collect() if engine in case.skip}
        for path, board in write_files(folder / written[names], merged(cases), engine):
            runs.append(
                {"file": path.name, "kind": kind, "engine": engine, "board": board, "answers": f"{written[names]}.npz",
                 "cases": names, "tolerances": [tolerance(kind, case) for case in cases], "skipped": skipped}
            )  # fmt: skip
    return runs


def tolerance(kind: str, case: Case) -> float:
    """Relative to the largest value; 0 for equal bits."""
    return 0.0 if kind == "integers" else case.tolerance


def write_files(stem: Path, case: Case, engine: str) -> list[tuple[Path, str]]:
    """The file for ``engine``, or one for each board, with the board that it is for ("" for all)."""
    if engine != "native":
        path = stem.with_suffix(SUFFIX_OF_ENGINE[engine])
        if not path.exists():
            write(case.graph, path)
        return [(path, "")]
    files = [(stem.with_name(f"{stem.name}-{board}.so"), board) for board in TARGETS]
    for path, board in files:
        write_shared_library(case.graph, path, TARGETS[board])
    return files


def save_answers(path: Path, cases: list[Case]) -> None:
    """Frames, what the reference answers to each, its states at the end, and its snapshot half-way."""
    case = merged(cases)
    interface = Interface.of(case.graph, fingerprint(case.graph))
    engine = ReferenceEngine(interface, case.graph)
    arrays: dict[str, Any] = {}
    for t, frames in enumerate(case.frames):
        if t == SAVED_AFTER:
            arrays["snapshot"] = np.frombuffer(pack_snapshot(interface, engine.get_states()), np.uint8)
        arrays |= {f"x{t}_{k}": frame for k, frame in enumerate(frames)}
        arrays |= {f"y{t}_{k}": result for k, result in enumerate(engine.run(*frames))}
    arrays |= {f"state{k}": state for k, state in enumerate(engine.get_states())}
    np.savez(path, steps=np.array(len(case.frames)), saved_after=np.array(SAVED_AFTER), **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
