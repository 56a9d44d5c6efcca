"""What Markdown and HTML show alike: labels, formatted numbers, rows of tables."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath

from edgernn.validation.results import ArtifactReport, OutputError, Report

NOTHING = "–"


@dataclass(frozen=True)
class ArtifactRow:
    """One line of the overview, all text but ``passed``."""

    label: str
    file: str
    engine: str
    size: str
    load: str
    max_error: str
    sqnr: str
    argmax: str
    median: str
    p99: str
    passed: bool


def artifact_rows(report: Report) -> list[ArtifactRow]:
    """The overview, in the report's order."""
    return [
        ArtifactRow(
            label=label,
            file=PurePath(artifact.path).name,
            engine=artifact.engine,
            size=size(artifact.size_bytes),
            load=f"{artifact.load_ms:.1f}",
            max_error=error(worst_error(artifact.outputs)),
            sqnr=worst_sqnr(artifact.outputs),
            argmax=worst_agreement(artifact.outputs),
            median=microseconds(artifact.latency.median_us) if artifact.latency else NOTHING,
            p99=microseconds(artifact.latency.p99_us) if artifact.latency else NOTHING,
            passed=artifact.passed,
        )
        for label, artifact in zip(labels(report.artifacts), report.artifacts, strict=True)
    ]


def labels(artifacts: list[ArtifactReport]) -> list[str]:
    """A short unique name for each artifact: its engine, with the suffix or file where that is not enough."""
    engines = Counter(a.engine for a in artifacts)
    pairs = Counter((a.engine, PurePath(a.path).suffix) for a in artifacts)
    names = []
    for artifact in artifacts:
        path = PurePath(artifact.path)
        if engines[artifact.engine] == 1:
            names.append(artifact.engine)
        elif pairs[artifact.engine, path.suffix] == 1:
            names.append(f"{artifact.engine} ({path.suffix})")
        else:
            names.append(f"{artifact.engine} ({path.name})")
    return names


def verdict(report: Report) -> str:
    """One sentence about the whole report."""
    count, failed = len(report.artifacts), sum(not a.passed for a in report.artifacts)
    if not count:
        return "No artifact was checked."
    if not failed:
        who = f"All {count} artifacts agree" if count > 1 else "It agrees"
        return f"{who} with the {report.original} model."
    return f"{failed} of {count} artifacts do not agree with the {report.original} model."


def measured_on(report: Report) -> str:
    """Where times come from."""
    return report.machine or "the machine that wrote this report"


def worst_error(outputs: list[OutputError]) -> float | None:
    """The largest error; NaN is the worst."""
    return max((o.max_error for o in outputs), key=lambda e: math.inf if math.isnan(e) else e, default=None)


def worst_sqnr(outputs: list[OutputError]) -> str:
    """The smallest signal-to-error ratio, in dB."""
    known = [o.sqnr_db for o in outputs if o.sqnr_db is not None]
    if known:
        return f"{min(known, key=lambda x: -math.inf if math.isnan(x) else x):.1f}"
    return "exact" if outputs else NOTHING


def worst_agreement(outputs: list[OutputError]) -> str:
    """The smallest share of frames with the same largest entry."""
    known = [o.argmax_agreement for o in outputs if o.argmax_agreement is not None]
    return share(min(known)) if known else NOTHING


def share(value: float | None) -> str:
    """A percentage that says 100 only when it is."""
    if value is None:
        return NOTHING
    digits = 2 if value > 0.99 else 1
    floored = math.floor(value * 100 * 10**digits) / 10**digits
    return f"{floored:.{digits}f}%" if value < 1 else "100%"


def error(value: float | None) -> str:
    """An absolute error."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e+")


def sqnr(value: float | None) -> str:
    """A signal-to-error ratio in dB."""
    return "exact" if value is None else f"{value:.1f}"


def microseconds(value: float) -> str:
    """A time in microseconds with three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size(count: int) -> str:
    """A number of bytes."""
    if count < 1024:
        return f"{count} B"
    if count < 1024**2:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024**2:.2f} MiB"


def shape(dims: list[int] | tuple[int, ...]) -> str:
    """A frame shape."""
    return " × ".join(map(str, dims)) or "scalar"
