"""What a validation found, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgernn.quant.assignment import Search
from edgernn.validation.integer_results import IntegerReport


@dataclass(frozen=True)
class OutputError:
    """One output of one artifact against the PyTorch module, over ``frames`` frames of all test sequences.

    kind             "frame" or "final"
    max_error        largest absolute difference
    rms_error        root mean square of the difference
    reference_peak   largest absolute value of the reference
    sqnr_db          10*log10(mean(reference^2) / mean(difference^2)); None where the difference is zero
    argmax_agreement share of frames whose largest entry has the same index; None where that has no meaning
    tolerance        bound on max_error
    error_by_frame   [frame index, largest difference up to the next listed frame], for plotting
    rms_tolerance    where rms_error is at most this, single frames may exceed ``tolerance``; 0 for float models
    """

    output: str
    kind: str
    frames: int
    max_error: float
    rms_error: float
    reference_peak: float
    sqnr_db: float | None
    argmax_agreement: float | None
    tolerance: float
    error_by_frame: list[tuple[int, float]] = field(default_factory=list)
    rms_tolerance: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance: at every frame, or on the average."""
        return self.max_error <= self.tolerance or self.rms_error <= self.rms_tolerance


def _on_average(output: OutputError) -> str:
    """What would do as well, for quantized models."""
    if not output.rms_tolerance:
        return ""
    return f" (root mean square {output.rms_error:.3g}, {output.rms_tolerance:.3g} allowed)"


@dataclass(frozen=True)
class PropertyResult:
    """One property that does not depend on accuracy.

    name  "causality" (garbage beyond the current frame changes nothing), "reset", "snapshot", "prefixes"
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Drift:
    """Error of one output over ``steps`` steps of continued streaming without reset, against the float program.

    rms_error_first, rms_error_last  root mean square of the largest difference of a frame, at the beginning and the end
    curve            [step, largest difference in the window that ends there]
    frames_compared  of the beginning and of the end, which hold the same frames where the stream is long enough
    sqnr_first_db, sqnr_last_db  10*log10(mean(reference^2) / mean(difference^2)) there; None without any difference
    """

    output: str
    steps: int
    max_error: float
    rms_error_first: float
    rms_error_last: float
    curve: list[tuple[int, float]] = field(default_factory=list)
    frames_compared: int = 0
    sqnr_first_db: float | None = None
    sqnr_last_db: float | None = None


@dataclass(frozen=True)
class Latency:
    """Time of one ``session.step`` on this machine, microseconds."""

    steps: int
    min_us: float
    median_us: float
    p99_us: float


@dataclass(frozen=True)
class LayerRow:
    """One node of the step program, or ``times`` of one layer; ``bytes`` are those of its constants."""

    name: str
    op: str
    shape: tuple[int, ...]
    weights: int
    macs: int
    bytes: int = 0
    times: int = 1

    @property
    def label(self) -> str:
        """The op, and how many times a step computes it."""
        return self.op if self.times == 1 else f"{self.op} × {self.times}"


@dataclass
class ArtifactReport:
    """All that was found about one artifact on one engine."""

    path: str
    engine: str
    size_bytes: int
    load_ms: float
    outputs: list[OutputError] = field(default_factory=list)
    properties: list[PropertyResult] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    latency: Latency | None = None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(o.passed for o in self.outputs) and all(p.passed for p in self.properties)

    def failures(self) -> list[str]:
        """One line for each failed check."""
        lines = [
            f"{self.engine}: output {o.output!r} differs by {o.max_error:.3g}, {o.tolerance:.3g} allowed"
            f"{_on_average(o)}"
            for o in self.outputs
            if not o.passed
        ]
        return lines + [f"{self.engine}: {p.name}: {p.detail}" for p in self.properties if not p.passed]


@dataclass(frozen=True)
class OutputLoss:
    """One output of a model with look-ahead in chunks against the model that sees whole sequences, both in PyTorch.

    frames            compared, of all sequences
    max_error, rms_error  largest and root mean square difference
    relative_error    rms_error over the root mean square of the output of the model that sees whole sequences
    argmax_agreement  share of frames whose largest entry has the same index; None where that has no meaning
    """

    output: str
    kind: str
    frames: int
    max_error: float
    rms_error: float
    relative_error: float
    argmax_agreement: float | None


@dataclass(frozen=True)
class ChunkReport:
    """What it costs that layers see ``lookahead`` frames after each ``chunk``, and not the whole sequence.

    layers     paths of the modules
    hop, delay frames of a step, and steps from a frame to its output, of the model
    sequences  of real input; 0 where the sequences were random
    metric     name of the user's, and what it gives for both models; None without one
    """

    chunk: int
    lookahead: int
    layers: list[str]
    hop: int
    delay: int
    sequences: int
    outputs: list[OutputLoss]
    metric: str = ""
    metric_of_whole: float | None = None
    metric_of_chunks: float | None = None


@dataclass
class Report:
    """A model and all its artifacts.

    inputs, outputs, states  rows of (name, shape, dtype, kind or bytes)
    data      where the validation sequences came from ("random", or a file and its number of sequences)
    versions  package -> version
    machine   where the times were measured
    integers  of an integer model, how well its integers stand for the real values
    search    how the schemes of its layers were found, where a bound was given
    original  "PyTorch" or "ONNX": what the artifacts are compared with
    chunks    of a model converted with look-ahead, what that costs
    """

    model: str
    fingerprint: str
    scheme: str
    mode: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    states: list[dict[str, Any]]
    layers: list[LayerRow]
    data: str
    created: str
    versions: dict[str, str]
    artifacts: list[ArtifactReport] = field(default_factory=list)
    machine: str = ""
    integers: IntegerReport | None = None
    search: Search | None = None
    original: str = "PyTorch"
    chunks: ChunkReport | None = None

    @property
    def passed(self) -> bool:
        """Whether every artifact passed."""
        return all(a.passed for a in self.artifacts)

    def to_plain(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        plain = asdict(self)
        plain["passed"] = self.passed
        if self.integers is not None:
            for value, row in zip(self.integers.values, plain["integers"]["values"], strict=True):
                row["used"] = value.used
        for artifact, entry in zip(self.artifacts, plain["artifacts"], strict=True):
            entry["passed"] = artifact.passed
            for output, row in zip(artifact.outputs, entry["outputs"], strict=True):
                row["passed"] = output.passed
        return plain
