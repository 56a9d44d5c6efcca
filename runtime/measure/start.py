"""Starts a measurement: times the imports, which nothing may have done before, then measures.

    python start.py FOLDER MODULES [first]

FOLDER holds ``job.json``, the artifact and ``frames.npz`` (see ``edgernn.runtime.measure.task``); MODULES holds the
package edgernn. With ``first`` it ends after loading. Runs as a file, with the standard library alone. Each line for
the program that started it is ``MARK`` and a JSON object; others may print between them.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

MARK = "@edgernn "
PYTHON = (3, 10)


def tell(**facts: object) -> None:
    """One line to the program that started this one. Ends this one where nobody listens any more."""
    try:
        print(MARK + json.dumps(facts), flush=True)
    except BrokenPipeError:
        sys.exit(1)


def main(folder: str, modules: str, *stages: str) -> int:
    """Measure, and tell the result or the error; 1 for an error."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        return failed("python", f"Python {version} at {sys.executable} is too old")
    sys.path[0] = modules
    try:
        numpy_ms = import_ms("numpy")
    except ImportError as error:
        return failed("numpy", f"{sys.executable} (Python {version}) cannot import NumPy: {error}")
    times = {"numpy_ms": numpy_ms, "runtime_ms": import_ms("edgernn.runtime")}
    from edgernn.errors import EdgeRNNError
    from edgernn.runtime.measure.task import measure

    try:
        tell(report=measure(folder, "first" in stages, times, lambda *progress: tell(progress=progress)))
    except EdgeRNNError as error:
        return failed(type(error).__name__, str(error).replace(f"{folder}/", ""))
    return 0


def import_ms(name: str) -> float:
    """Import a module; milliseconds."""
    start = time.perf_counter()
    importlib.import_module(name)
    return (time.perf_counter() - start) * 1e3


def failed(kind: str, message: str) -> int:
    """Tell an error."""
    tell(error={"kind": kind, "message": message})
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
