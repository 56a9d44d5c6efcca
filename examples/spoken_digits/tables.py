"""What the demo prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgernn.runtime.engines import ENGINES
from edgernn.validation.render import view
from examples.common.deploy import Deployment

if TYPE_CHECKING:
    from examples.spoken_digits.demo import EngineRow, Outcome


WIDTH = 110
REASON_LINES = 3
FIGURES = (
    "accuracy", "agrees with\nPyTorch", "largest\nerror", "µs a step\n(median)", "load\nms", "memory\nMB",
    "file",
)  # fmt: skip


def worst(deployment: Deployment) -> float | None:
    """The largest error of any output of any artifact against PyTorch."""
    return view.worst_error([output for report in deployment.reports for output in report.outputs])


def show(outcome: Outcome) -> None:
    """Print the tables, what is missing, what disagrees, and where the reports are."""
    console = Console(highlight=False)
    if console.width < WIDTH:
        console = Console(highlight=False, width=WIDTH)
    console.print(engine_table(outcome))
    console.print(
        f"A process with NumPy alone takes {outcome.numpy_mb:.0f} MB. Loading is measured in a fresh\n"
        "process, the import of the engine's package included.\n",
        style="dim",
    )
    console.print(ecosystem_table(outcome))
    _complaints(console, {"spoken digits": outcome.digits, **outcome.ecosystem})
    for name, path in outcome.reports.items():
        console.print(f"report on the {name}: {path}", soft_wrap=True)
    colour, what = ("green", "Everything agrees") if outcome.passed else ("red", "Something disagrees")
    console.print(f"[{colour}]{what} with PyTorch[/] ({outcome.seconds:.0f} s).")


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, no_wrap=True, justify="right")
    return table


def engine_table(outcome: Outcome) -> Table:
    """One row an engine; engines that cannot run here say so in their row."""
    table = _table(
        f"Spoken digits: {outcome.recordings} held-out recordings, {outcome.frames:,} frames, one at a time",
        ("engine", "runs"),
        FIGURES,
    )
    table.add_row("[dim]PyTorch[/]", "[dim]whole[/]", view.share(outcome.pytorch_accuracy))
    for row in outcome.rows:
        table.add_row(*_engine_cells(row))
    for engine in ENGINES:
        if engine in outcome.digits.missing:
            table.add_row(engine, "[yellow]missing[/]")
    return table


def _engine_cells(row: EngineRow) -> list[str]:
    mark = "" if row.agrees else "[red]✗[/] "
    return [
        row.engine,
        Path(row.file).suffix,
        view.share(row.score.accuracy),
        mark + view.share(row.score.agreement),
        view.error(row.score.max_error),
        view.microseconds(row.score.step_us),
        f"{row.footprint.load_ms:.0f}",
        f"{row.footprint.resident_mb:.0f}",
        view.size(row.size_bytes),
    ]


def ecosystem_table(outcome: Outcome) -> Table:
    """One row a model."""
    table = _table(
        "Models as people publish them, with new weights",
        ("model", "written", "proved on"),
        ("largest\nerror", "state", "fastest step"),
    )
    for name, found in outcome.ecosystem.items():
        timed = [(r.latency.median_us, r.engine) for r in found.reports if r.latency]
        fastest = f"{view.microseconds(min(timed)[0])} µs, {min(timed)[1]}" if timed else view.NOTHING
        table.add_row(
            name,
            " ".join(found.written),
            _engines_of(found),
            view.error(worst(found)),
            view.size(found.model.interface.state_bytes),
            fastest,
        )
    return table


def _engines_of(found: Deployment) -> str:
    passed = {report.engine for report in found.reports if report.passed}
    if passed == set(ENGINES):
        return f"all {len(ENGINES)} engines"
    return ", ".join(engine for engine in ENGINES if engine in passed)


def _complaints(console: Console, deployments: dict[str, Deployment]) -> None:
    """What is missing, once; what disagrees, with the model."""
    missing = {what: why for found in deployments.values() for what, why in found.missing.items()}
    for what, why in missing.items():
        console.print(f"[yellow]missing:[/] {what}: {escape(why)}", soft_wrap=True)
    for name, found in deployments.items():
        for what, why in found.refused.items():
            reason = "\n".join(why.splitlines()[:REASON_LINES])
            console.print(f"[red]failed:[/] {name}, {what}: {escape(reason)}", soft_wrap=True)
