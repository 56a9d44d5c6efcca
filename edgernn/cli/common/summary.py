"""The table at the end of an export or a validation."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from edgernn.validation.render import view
from edgernn.validation.results import Report


def artifact_table(report: Report) -> Table:
    """One line an artifact: the worst of its outputs, and its verdict."""
    table = Table(title=view.verdict(report), title_justify="left", title_style="bold")
    for head in ("artifact", "engine"):
        table.add_column(head, overflow="fold")
    for head in ("size", "max error", "SQNR dB", "us/step"):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in view.artifact_rows(report):
        verdict = "[green]passed[/]" if row.passed else "[bold red]FAILED[/]"
        table.add_row(
            escape(row.file),
            row.engine,
            row.size,
            row.max_error,
            row.sqnr,
            row.median.replace(view.NOTHING, "-"),
            verdict,
        )
    return table
