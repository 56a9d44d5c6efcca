"""A report as one HTML page that needs nothing else: styles and plots are inside, there are no scripts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from edgernn.errors import MissingExtraError
from edgernn.validation.render import charts, chunks, integers, view
from edgernn.validation.results import ArtifactReport, Report

TEMPLATES = Path(__file__).with_name("templates")
MAX_POINTS = 600


def require_jinja() -> None:
    """Raise MissingExtraError unless ``render_html`` can work."""
    if importlib.util.find_spec("jinja2") is None:
        raise MissingExtraError("jinja2", "export", "the HTML report")


def render_html(report: Report) -> str:
    """The page. Raises MissingExtraError without Jinja2."""
    require_jinja()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    names = view.labels(report.artifacts)
    labelled = list(zip(names, report.artifacts, strict=True))
    return environment.get_template("report.html.jinja").render(
        report=report,
        view=view,
        integers=integers,
        chunks=chunks,
        fidelity_plot=_fidelity_plot(report),
        saturation_plot=_saturation_plot(report),
        rows=view.artifact_rows(report),
        labelled=labelled,
        colours=range(charts.COLOURS),
        failures=[line for artifact in report.artifacts for line in artifact.failures()],
        cards=_cards(report),
        outputs=_outputs(labelled),
        latency_plot=_latency_plot(labelled),
        size_plot=_size_plot(labelled),
        has_source=any(artifact.path.endswith(".c") for artifact in report.artifacts),
        state_plot=_state_plot(report),
        properties=_properties(report.artifacts),
        total_weights=sum(row.weights for row in report.layers),
        total_bytes=sum(row.bytes for row in report.layers),
        total_macs=sum(row.macs for row in report.layers),
    )


Labelled = list[tuple[str, ArtifactReport]]


def _cards(report: Report) -> list[tuple[str, str, str]]:
    """(figure, what it is, remark)."""
    weights, macs = sum(r.weights for r in report.layers), sum(r.macs for r in report.layers)
    state = sum(int(row.get("bytes", 0)) for row in report.states)
    worst = view.worst_error([o for a in report.artifacts for o in a.outputs])
    timed = [(a.latency.median_us, n) for n, a in _named(report) if a.latency]
    cards = [
        (f"{weights:,}", "weights", f"{macs:,} multiply-accumulates a step"),
        (view.size(state), "of state", f"in {len(report.states)} arrays, constant for ever"),
        (view.error(worst), "largest error", f"of any output and artifact against {report.original}"),
    ]
    if timed:
        fastest, name = min(timed)
        cards.append((f"{view.microseconds(fastest)} µs", "a step", f"fastest engine, {name}; median"))
    return cards


def _named(report: Report) -> Labelled:
    return list(zip(view.labels(report.artifacts), report.artifacts, strict=True))


def _outputs(labelled: Labelled) -> list[dict[str, Any]]:
    """For each output: its kind, the plots of both kinds of error, and for the legend the largest ones."""
    names = dict.fromkeys(o.output for _, a in labelled for o in a.outputs)
    return [_output(name, labelled) for name in names]


def _output(name: str, labelled: Labelled) -> dict[str, Any]:
    compared = [(k, n, o) for k, (n, a) in enumerate(labelled) for o in a.outputs if o.output == name]
    drifts = [(k, n, d) for k, (n, a) in enumerate(labelled) for d in a.drift if d.output == name and d.curve]
    kind, limit = compared[0][2].kind, max(o.tolerance for _, _, o in compared)
    x_label = "frame" if kind == "frame" else "prefix"
    return {
        "name": name,
        "kind": kind,
        "steps": max((d.steps for _, _, d in drifts), default=0),
        "error_plot": _lines(
            [charts.Series(n, k, _thinned(o.error_by_frame)) for k, n, o in compared],
            f"{x_label}, over all test sequences", limit,
        ),
        "drift_plot": _lines([charts.Series(n, k, _thinned(d.curve)) for k, n, d in drifts], "step, without reset"),
        "error_legend": [(n, k, view.error(o.max_error)) for k, n, o in compared],
        "drift_legend": [(n, k, view.error(d.max_error)) for k, n, d in drifts],
    }  # fmt: skip


def _lines(series: list[charts.Series], x_label: str, limit: float | None = None) -> str:
    drawn = [s for s in series if s.points]
    label = f"allowed: {view.error(limit)}" if limit else ""
    return charts.line_chart(drawn, x_label, "largest error", limit, label) if drawn else ""


def _latency_plot(labelled: Labelled) -> str:
    rows = [
        charts.Range(n, k, a.latency.min_us, a.latency.median_us, a.latency.p99_us)
        for k, (n, a) in enumerate(labelled)
        if a.latency
    ]
    return charts.range_chart(rows, "microseconds a step, logarithmic") if rows else ""


def _size_plot(labelled: Labelled) -> str:
    files = {a.path: (Path(a.path).name, a.size_bytes) for _, a in labelled}
    bars = [charts.Bar(name, count, view.size(count), 0) for name, count in files.values()]
    return charts.bar_chart(bars, "size of each file") if bars else ""


def _state_plot(report: Report) -> str:
    bars = [charts.Bar(s["name"], s.get("bytes", 0), view.size(s.get("bytes", 0)), 2) for s in report.states]
    bars = [charts.Bar(r.name, r.bytes, view.size(r.bytes), 0) for r in report.layers if r.bytes] + bars
    return charts.bar_chart(bars, "bytes of weights and of state") if bars else ""


def _fidelity_plot(report: Report) -> str:
    values = report.integers.values if report.integers else []
    known = [(v.value, v.sqnr_db) for v in values if v.sqnr_db is not None]
    bars = [charts.Bar(name, max(found, 0.0), view.sqnr(found), 0) for name, found in known]
    return charts.bar_chart(bars, "SQNR of each value in dB") if bars else ""


def _saturation_plot(report: Report) -> str:
    """Of the gates and states where anything was clipped."""
    met = [s for s in report.integers.saturation if s.count] if report.integers else []
    bars = [charts.Bar(f"{s.layer} {s.part}", s.count / s.total, integers.percent(s.count / s.total), 1) for s in met]
    return charts.bar_chart(bars, "share of clipped results") if bars else ""


def _properties(artifacts: list[ArtifactReport]) -> list[str]:
    """Names of the properties, in order of appearance."""
    return list(dict.fromkeys(p.name for a in artifacts for p in a.properties))


def _thinned(points: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most MAX_POINTS, each the largest of the points that it stands for."""
    stride = -(-len(points) // MAX_POINTS)
    groups = (points[k : k + stride] for k in range(0, len(points), max(stride, 1)))
    return [(float(group[0][0]), float(max(y for _, y in group))) for group in groups]
