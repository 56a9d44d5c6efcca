"""What a device pays for an engine: load time and resident memory of a process that only runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgernn.errors import EngineError

ROOT = Path(__file__).parents[2]
PROCESSES = 3
TIMEOUT_S = 120


@dataclass(frozen=True)
class Footprint:
    """Medians over fresh processes.

    load_ms: ``edgernn.runtime.load``, the import of the engine's package included.
    resident_mb: the whole process after the last step, in units of 10^6 bytes.
    """

    load_ms: float
    resident_mb: float


def measure(artifact: Path, engine: str, frames: Path, processes: int = PROCESSES) -> Footprint:
    """Run the artifact in fresh processes over the frames of a .npy file.

    Raises:
        EngineError: a process failed; the message ends with what it printed.
    """
    runs = [_fresh(str(artifact.resolve()), engine, str(frames.resolve())) for _ in range(processes)]
    return Footprint(median(r["load_ms"] for r in runs), median(r["resident_mb"] for r in runs))


def of_numpy_alone(processes: int = PROCESSES) -> float:
    """Resident memory, in 10^6 bytes, of a process that imports NumPy and nothing else."""
    return median(_fresh()["resident_mb"] for _ in range(processes))


def _fresh(*arguments: str) -> dict[str, float]:
    call = [sys.executable, "-m", "examples.common.fresh_process", *arguments]
    run = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    if run.returncode:
        raise EngineError(f"{' '.join(arguments)}: a fresh process failed:\n{run.stderr.strip()}")
    result: dict[str, float] = json.loads(run.stdout)
    return result
