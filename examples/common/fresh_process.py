"""The process that ``footprint`` starts: it runs one artifact on one engine, and says what that took.

    python -m examples.common.fresh_process [ARTIFACT ENGINE FRAMES.npy]

It imports edgernn.runtime and nothing else of the project; without arguments NumPy alone. Prints
JSON: load_ms, and resident_mb in units of 10^6 bytes.
"""

import json
import sys
import time
from pathlib import Path


def resident_bytes() -> int:
    """Resident memory of this process; its peak where the system does not tell the present value."""
    status = Path("/proc/self/status")
    if status.is_file():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def load_and_step(artifact: str, engine: str, frames: str) -> float:
    """Milliseconds of loading; the session has stepped through all frames."""
    import numpy as np

    from edgernn.runtime import load

    start = time.perf_counter()
    session = load(artifact, engine)
    load_ms = (time.perf_counter() - start) * 1000
    for frame in np.load(frames):
        session.step(frame)
    return load_ms


def main(arguments: list[str]) -> None:
    """Print what this process took."""
    load_ms = 0.0
    if arguments:
        load_ms = load_and_step(*arguments)
    else:
        import numpy  # noqa: F401
    print(json.dumps({"load_ms": load_ms, "resident_mb": resident_bytes() / 1e6}))


if __name__ == "__main__":
    main(sys.argv[1:])
