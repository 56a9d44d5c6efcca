"""One measurement in a fresh process: load an artifact, step through frames, tell what it took."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.errors import EngineError
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX
from edgernn.runtime.load import load
from edgernn.runtime.measure import system
from edgernn.runtime.segment import SegmentSession
from edgernn.runtime.session import Session

Progress = Callable[[str, int, int], None]
Frame = dict[str, Any]

PACKAGES: Mapping[str, Sequence[str]] = {
    "onnxruntime": ("onnxruntime",),
    "tflite": ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"),
    "numba": ("numba",),
}
"""Engine -> the modules that it imports, in order of preference; the others import none."""

PERCENTILES = (50, 90, 99)
TELL_S = 0.5
"""Between two messages: without any, nobody learns that a connection is gone."""


def measure(folder: str, first: bool, import_times: Mapping[str, float], progress: Progress) -> dict[str, Any]:
    """Do what ``job.json`` in ``folder`` says, or ``first`` only load, and return what was found, JSON-ready.

    The job: ``artifact`` (a file in the folder), ``engine``, ``seconds`` and ``steps`` (how long to go on, once all
    frames have been processed). ``frames.npz`` holds an array for each input, [T, *shape],
    or [*shape] for those named in ``static``. Raises what ``edgernn.runtime.load`` and a step raise.
    """
    job = json.loads((Path(folder) / "job.json").read_text())
    path = Path(folder) / job["artifact"]
    before = system.resident_bytes()
    progress("loading", 0, 0)
    engine_ms = import_engine(likely_engine(path, job["engine"]))
    start = time.perf_counter()
    session = load(path, job["engine"])
    load_ms = (time.perf_counter() - start) * 1e3
    found: dict[str, Any] = {
        "engine": session.engine, "import": {**import_times, "engine_ms": engine_ms}, "load_ms": load_ms,
    }  # fmt: skip
    if first:
        return found
    loaded = system.resident_bytes()
    frames = read_frames(Path(folder) / "frames.npz", job["static"])
    found |= {"temperature_before": system.temperature()}
    digest = outputs_digest(session, frames, progress)
    times_ns = time_steps(session, frames, job["steps"], job["seconds"], progress)
    memory = {"before": before, "loaded": loaded, "after": system.resident_bytes(), "peak": system.peak_bytes()}
    return found | {
        "latency_us": latency(times_ns), "clock_us": clock_ns() / 1e3, "resident_bytes": memory,
        "temperature_after": system.temperature(), "throttled": system.throttled(), "frequency": system.frequency(),
        "machine": system.machine(), "versions": versions(session.engine), "outputs_sha256": digest,
    }  # fmt: skip


def likely_engine(path: Path, engine: str) -> str:
    """The engine that ``load`` will take, "" where none is installed."""
    if engine != "auto":
        return engine
    candidates = ENGINES_OF_SUFFIX.get(path.suffix, ())
    return next((name for name in candidates if importlib.import_module(ENGINES[name]).missing() is None), "")


def import_engine(engine: str) -> float:
    """Import what the engine needs; milliseconds. What is missing is left to ``load`` to say."""
    start = time.perf_counter()
    for name in PACKAGES.get(engine, ()):
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise EngineError(f"the package of engine {engine!r} cannot be imported: {error}") from error
            break
    return (time.perf_counter() - start) * 1e3


def read_frames(path: Path, static: Sequence[str]) -> list[Frame]:
    """What each step takes, by input."""
    with np.load(path) as arrays:
        steps = max((len(arrays[name]) for name in arrays if name not in static), default=1)
        columns = {
            name: [arrays[name]] * steps if name in static else list(np.ascontiguousarray(arrays[name]))
            for name in arrays
        }  # fmt: skip
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def outputs_digest(session: Session, frames: Sequence[Frame], progress: Progress) -> str:
    """SHA-256 over all outputs of one pass, real values as little-endian bytes in the order of the ports.

    The pass is also what warms everything up.
    """
    digest, told = hashlib.sha256(), time.perf_counter()
    for k, frame in enumerate(frames):
        result = step_of(session)(frame)
        for array in result.values() if isinstance(result, dict) else (result,):
            digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        if time.perf_counter() - told > TELL_S:
            progress("first pass", k + 1, len(frames))
            told = time.perf_counter()
    return digest.hexdigest()


def step_of(session: Session) -> Callable[[Frame], Any]:
    """A step as a program makes it: an array for one input, a dict for several."""
    name = session.inputs[0].name if len(session.inputs) == 1 else None
    every: Callable[..., Any] = session.run if isinstance(session, SegmentSession) else session.every_step
    return (lambda frame: every(frame[name])) if name is not None else every


def time_steps(session: Session, frames: Sequence[Frame], steps: int, seconds: float, progress: Progress) -> list[int]:
    """Nanoseconds of each step, or of each whole segment.

    There are passes over all frames, each from the initial state, until there are ``steps``. The first pass is always
    whole; after it, ``seconds`` end the measurement too.
    """
    name = session.inputs[0].name if len(session.inputs) == 1 else None
    arguments = [frame if name is None else frame[name] for frame in frames]
    step: Callable[..., Any] = session.run if isinstance(session, SegmentSession) else session.step
    clock = time.perf_counter_ns
    times: list[int] = []
    start = told = time.perf_counter()
    while len(times) < max(steps, len(arguments)):
        session.reset()
        for argument in arguments:
            before = clock()
            step(argument)
            times.append(clock() - before)
            now = time.perf_counter()
            if now - told > TELL_S:
                progress("measuring", len(times), max(steps, len(arguments)))
                told = now
                if now - start > seconds and len(times) >= len(arguments):
                    return times
    return times


def latency(times_ns: Sequence[int]) -> dict[str, float]:
    """Microseconds of a step; percentiles are steps that occurred (nearest rank)."""
    times = np.asarray(times_ns) / 1e3
    ranks = np.percentile(times, PERCENTILES, method="inverted_cdf")
    found = {f"p{percent}": float(value) for percent, value in zip(PERCENTILES, ranks, strict=True)}
    spread = {"min": float(times.min()), "max": float(times.max()), "mean": float(times.mean())}
    return {"steps": len(times), **spread, **found}


def clock_ns() -> int:
    """What reading the clock adds to each time: the shortest of many."""
    clock = time.perf_counter_ns
    return min(-(clock() - clock()) for _ in range(1000))


def versions(engine: str) -> dict[str, str]:
    """Of NumPy and the engine's package."""
    names = ["numpy", *(name.partition(".")[0].replace("_", "-") for name in PACKAGES.get(engine, ()))]
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
