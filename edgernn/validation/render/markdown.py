"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgernn.validation.render import chunks, integers, view
from edgernn.validation.results import Report


def render_markdown(report: Report) -> str:
    """The whole report but the curves."""
    parts = [
        f"# {_text(report.model)}",
        f"**{view.verdict(report)}**",
        _facts(report),
        "## Artifacts",
        _artifacts(report),
        *_failures(report),
        f"## Error against {report.original}",
        _errors(report),
        *_drift(report),
        *_chunks(report),
        *_integers(report),
        *_search(report),
        "## Properties",
        _properties(report),
        "## Interface",
        _interface(report),
        "## Layers",
        _layers(report),
        "## Versions",
        _table(("package", "version"), [(name, version) for name, version in report.versions.items()]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(report: Report) -> str:
    return "\n".join([
        f"- created: {report.created}",
        f"- fingerprint: `{report.fingerprint}`",
        f"- mode: {report.mode}, scheme: {report.scheme}",
        f"- compared on: {_text(report.data)}",
        f"- times measured on: {_text(view.measured_on(report))}",
    ])  # fmt: skip


def _artifacts(report: Report) -> str:
    rows = [
        (r.file, r.engine, r.size, r.load, r.max_error, r.sqnr, r.argmax, r.median, r.p99, _mark(r.passed))
        for r in view.artifact_rows(report)
    ]
    head = (
        "file",
        "engine",
        "size",
        "load ms",
        "max error",
        "SQNR dB",
        "same argmax",
        "median µs",
        "p99 µs",
        "verdict",
    )
    return _table(head, rows, numbers=range(2, 9))


def _failures(report: Report) -> list[str]:
    lines = [f"- {_text(line)}" for artifact in report.artifacts for line in artifact.failures()]
    return ["## What failed", "\n".join(lines)] if lines else []


def _errors(report: Report) -> str:
    names = view.labels(report.artifacts)
    rows = [
        (o.output, o.kind, label, f"{o.frames:,}", view.error(o.max_error), view.error(o.tolerance),
         view.error(o.rms_error), f"{o.reference_peak:.3g}", view.sqnr(o.sqnr_db), view.share(o.argmax_agreement),
         _mark(o.passed))
        for label, artifact in zip(names, report.artifacts, strict=True)
        for o in artifact.outputs
    ]  # fmt: skip
    head = (
        "output", "kind", "engine", "frames", "max error", "allowed", "RMS error", "largest value", "SQNR dB",
        "same argmax", "verdict",
    )  # fmt: skip
    return _table(head, rows, numbers=range(3, 10))


def _drift(report: Report) -> list[str]:
    names = view.labels(report.artifacts)
    rows = [
        (d.output, label, f"{d.steps:,}", view.error(d.max_error), view.error(d.rms_error_first),
         view.error(d.rms_error_last), view.sqnr(d.sqnr_first_db), view.sqnr(d.sqnr_last_db))
        for label, artifact in zip(names, report.artifacts, strict=True)
        for d in artifact.drift
    ]  # fmt: skip
    if not rows:
        return []
    head = (
        "output", "engine", "steps", "max error", "RMS error at the start", "RMS error at the end",
        "SQNR dB at the start", "SQNR dB at the end",
    )  # fmt: skip
    return ["## Error over continued streaming, without reset", _table(head, rows, numbers=range(2, 8))]


def _chunks(report: Report) -> list[str]:
    found = report.chunks
    if found is None:
        return []
    about = f"{_text(chunks.about(found))} Both models in {report.original}, over " + (
        f"{found.sequences} sequences of real input." if found.sequences else "random sequences, which say little."
    )
    table = _table(chunks.LOSS_HEAD, chunks.loss_rows(found), numbers=range(2, 7))
    return ["## Look-ahead against the whole sequence", about, table, *(f"{_text(t)}." for t in chunks.metric(found))]


def _integers(report: Report) -> list[str]:
    found = report.integers
    if found is None:
        return []
    about = f"Each value beside the float program, over {found.frames:,} frames with the state carried on."
    values = _table(integers.VALUE_HEAD, integers.value_rows(found), numbers=range(4, 10))
    saturation = _table(integers.SATURATION_HEAD, integers.saturation_rows(found), numbers=range(1, 4))
    return ["## Integers", about, values, "## Saturation", saturation]


def _search(report: Report) -> list[str]:
    found = report.search
    if found is None:
        return []
    parts = ["## Schemes of the layers", _text(integers.search_verdict(found))]
    parts.append(_table(integers.ASSIGNMENT_HEAD, integers.assignment_rows(found)))
    if found.sensitivities:
        parts.append("Each layer in a cheaper scheme, alone:")
        parts.append(_table(integers.SENSITIVITY_HEAD, integers.sensitivity_rows(found), numbers=range(2, 5)))
    return parts


def _properties(report: Report) -> str:
    names = view.labels(report.artifacts)
    rows = [
        (p.name, label, _mark(p.passed), p.detail)
        for label, artifact in zip(names, report.artifacts, strict=True)
        for p in artifact.properties
    ]
    return _table(("property", "engine", "verdict", "detail"), rows)


def _interface(report: Report) -> str:
    rows = [
        (
            role,
            row["name"],
            view.shape(row["shape"]),
            row["dtype"],
            str(row.get("bytes", row.get("kind", ""))),
        )
        for role, group in (("input", report.inputs), ("output", report.outputs), ("state", report.states))
        for row in group
    ]
    return _table(("", "name", "shape", "dtype", "kind, or bytes"), rows)


def _layers(report: Report) -> str:
    rows = [
        (r.name, r.label, view.shape(r.shape), f"{r.weights:,}", f"{r.bytes:,}", f"{r.macs:,}") for r in report.layers
    ]
    sums = [sum(column) for column in zip(*((r.weights, r.bytes, r.macs) for r in report.layers), strict=True)]
    total = ("total", "", "", *(f"{count:,}" for count in sums))
    return _table(("node", "op", "shape", "weights", "bytes", "MACs a step"), [*rows, total], numbers=range(3, 6))


def _mark(passed: bool) -> str:
    return "passed" if passed else "**FAILED**"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)
    rule = ["---:" if k in right else "---" for k in range(len(head))]
    lines = [head, rule, *([_cell(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text if text == "**FAILED**" else _text(text)


def _text(text: str) -> str:
    """User-given text, so that Markdown shows it as it is."""
    flat = " ".join(text.split())
    for character in "\\`*_[]<>|":
        flat = flat.replace(character, f"\\{character}")
    return flat
