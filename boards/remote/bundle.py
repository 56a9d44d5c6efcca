"""What is sent to a board: the artifact, the frames, what to do, and the runtime, in one tar file."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edgernn
from edgernn.errors import ArtifactError

Array = npt.NDArray[Any]
PARTS = ("__init__.py", "errors.py", "ir", "ops", "runtime")
"""Of the package: what ``edgernn.runtime`` imports. The C kernels beside it are not needed to run artifacts."""

MIN_STEPS = 1000
MAX_SECONDS = 20.0


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    frames   real values for each input, [T, *shape], or [*shape] for those named in ``static``
    steps    as many at least, by passes over all frames; 1000 make the 99th percentile one of ten steps
    seconds  that end the measurement too, after the first pass
    """

    artifact: Path
    engine: str
    frames: Mapping[str, Array]
    static: tuple[str, ...] = ()
    steps: int = MIN_STEPS
    seconds: float = MAX_SECONDS


def pack(request: Request, runtime: bool) -> bytes:
    """The tar file; ``runtime`` says whether the package goes with it. Raises ArtifactError for an unreadable file."""
    try:
        artifact = request.artifact.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{request.artifact}: cannot be read: {error.strerror or error}") from None
    name = request.artifact.name
    job = {
        "artifact": name, "engine": request.engine, "static": request.static, "steps": request.steps,
        "seconds": request.seconds,
    }  # fmt: skip
    frames = io.BytesIO()
    np.savez(frames, allow_pickle=False, **dict(request.frames))
    files = {name: artifact, "frames.npz": frames.getvalue(), "job.json": json.dumps(job).encode()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in [*files.items(), *(package_files() if runtime else ())]:
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def package_files() -> Iterator[tuple[str, bytes]]:
    """Names below the folder of modules, and contents, of the runtime's sources."""
    root = package_root()
    for part in PARTS:
        path = root / "edgernn" / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(root).as_posix(), file.read_bytes()


def package_root() -> Path:
    """The folder that holds the package."""
    return Path(edgernn.__file__).resolve().parents[1]
