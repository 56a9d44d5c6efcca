"""What a measurement found, as ``edgernn.runtime.measure`` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgernn.errors import LinkError


@dataclass(frozen=True)
class Latency:
    """Microseconds of a step, over ``steps`` of them; percentiles are steps that occurred."""

    steps: int
    min: float
    p50: float
    p90: float
    p99: float
    max: float
    mean: float


@dataclass(frozen=True)
class Imports:
    """Milliseconds of importing NumPy, the runtime without it, and the packages of the engine."""

    numpy_ms: float
    runtime_ms: float
    engine_ms: float

    @property
    def total_ms(self) -> float:
        """All together."""
        return self.numpy_ms + self.runtime_ms + self.engine_ms


@dataclass(frozen=True)
class Resident:
    """Bytes of resident memory of the process; None where the system does not tell.

    before   loading: Python, NumPy and the runtime
    loaded   the artifact, and the packages of its engine
    after    all steps
    peak     the most of all
    """

    before: int | None
    loaded: int | None
    after: int | None
    peak: int | None


@dataclass(frozen=True)
class Measured:
    """One artifact on one engine of one machine.

    first_load_ms   in a process that found nothing compiled and no file in memory, unless others had used them
    load_ms         in the process that was measured, right after the first
    clock_us        what reading the clock adds to each latency
    temperature_*   ``celsius`` and ``source``, None where the system does not tell
    throttled       ``now``, ``since_start`` and ``source``, None where the system does not tell
    frequency       ``hertz``, ``max_hertz`` and ``governor`` of the first core after the steps, None where not told
    machine         model, architecture, cores, system, kernel, python, load_average
    versions        of NumPy and the engine's package
    outputs_sha256  over all outputs of one pass over the frames
    """

    engine: str
    latency: Latency
    imports: Imports
    first_imports: Imports
    load_ms: float
    first_load_ms: float
    clock_us: float
    resident: Resident
    temperature_before: Mapping[str, Any] | None
    temperature_after: Mapping[str, Any] | None
    throttled: Mapping[str, Any] | None
    frequency: Mapping[str, Any] | None
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    outputs_sha256: str

    @classmethod
    def of(cls, where: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Measured:
        """From what the two processes on the machine ``where`` told. Raises LinkError where that is not complete."""
        try:
            return cls(
                second["engine"], Latency(**second["latency_us"]), Imports(**second["import"]),
                Imports(**first["import"]), second["load_ms"], first["load_ms"], second["clock_us"],
                Resident(**second["resident_bytes"]), second["temperature_before"], second["temperature_after"],
                second["throttled"], second["frequency"], second["machine"], second["versions"],
                second["outputs_sha256"],
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise LinkError(f"{where}: the report of the measurement lacks something: {error}") from None

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values, times in the units of their names."""
        plain = asdict(self)
        plain["latency_us"], plain["resident_bytes"] = plain.pop("latency"), plain.pop("resident")
        return plain
