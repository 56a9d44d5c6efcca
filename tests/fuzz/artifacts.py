"""Run as a module: loads mutated .ern files and steps those that load; prints a summary as JSON.

Whatever the bytes, only errors of edgernn may come out. The process limits its own memory.
"""

import collections
import itertools
import json
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np

from edgernn.errors import ArtifactError, EdgeRNNError
from edgernn.ir import ernfile
from edgernn.ops import OPS
from edgernn.runtime import Session
from edgernn.runtime.engines.reference import ReferenceEngine
from tests.fuzz.mutations import dumped, mutated_bytes, mutated_tree

MEMORY_BYTES = 2 << 30
MAX_SECONDS_PER_CASE = 2.0


def container(header: bytes, tensors: bytes) -> bytes:
    """A file with a header of any content, announced with its right length."""
    return len(header).to_bytes(8, "little") + header + tensors


def split(data: bytes) -> tuple[dict[str, object], bytes]:
    """Header and tensors of a file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def damaged(data: bytes, rng: Random) -> bytes:
    """One of three depths of damage: bytes, the header of the container, interface and program."""
    depth = rng.randrange(5)
    if depth <= 1:
        return mutated_bytes(data, rng)
    header, tensors = split(data)
    if depth == 2:
        return container(dumped(mutated_tree(header, rng)), tensors)
    metadata = header["__metadata__"]
    assert isinstance(metadata, dict)
    key = rng.choice(("edgernn", "program", "program"))
    metadata[key] = json.dumps(mutated_tree(json.loads(metadata[key]), rng))
    return container(dumped(header), tensors)


def attempt(data: bytes) -> str:
    """Load and step. Returns what happened; lets no error but edgernn's through."""
    try:
        interface, graph = ernfile.parse_ern(data, OPS, "file")
        session = Session(ReferenceEngine(interface, graph))
        rng = np.random.default_rng(0)
        for _ in range(2):
            session.step(*(frame(p, rng) for p in interface.inputs))
        session.restore(session.snapshot())
        session.reset()
    except EdgeRNNError as error:
        str(error)
        return type(error).__name__
    return "ran"


def frame(port: object, rng: np.random.Generator) -> np.ndarray:
    shape, dtype = port.shape, port.dtype  # type: ignore[attr-defined]
    return rng.standard_normal(shape).astype(np.float32) if dtype == "float32" else np.zeros(shape, dtype)


def cases(files: list[bytes], seed: int) -> Iterator[bytes]:
    rng = Random(seed)
    for data in itertools.cycle(files):
        yield damaged(data, rng)


def main(paths: list[str], seed: int, count: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    warnings.simplefilter("ignore")
    files = [Path(p).read_bytes() for p in paths]
    outcomes: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    for number, data in enumerate(itertools.islice(cases(files, seed), count)):
        # Every second case: as if the fingerprint had been made to fit, so that the layers behind it are reached.
        ernfile.fingerprint = (lambda graph, real=REAL: real(graph)) if number % 2 else Matching()
        start = time.monotonic()
        try:
            outcomes[attempt(data)] += 1
        except Exception:
            failures.append(f"case {number}: {traceback.format_exc(limit=-6)}")
        if time.monotonic() - start > MAX_SECONDS_PER_CASE:
            failures.append(f"case {number} took {time.monotonic() - start:.1f} s")
    summary = {"outcomes": outcomes, "failures": failures[:5], "failed": len(failures), "peak_bytes": peak_bytes()}
    print(json.dumps(summary))
    return 1 if failures else 0


def peak_bytes() -> int:
    """Peak resident memory of this program alone: ru_maxrss keeps that of the process that forked it."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024


REAL = ernfile.fingerprint


class Matching:
    """A fingerprint that equals any other."""

    def __call__(self, graph: object) -> "Matching":
        return self

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


if __name__ == "__main__":
    assert issubclass(ArtifactError, EdgeRNNError)
    sys.exit(main(sys.argv[3:], int(sys.argv[1]), int(sys.argv[2])))
