"""The table at the end of an export or a validation."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from edgernn.quant.assignment import Search
from edgernn.validation.render import chunks, integers, view
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


def remarks(report: Report) -> list[str]:
    """What is to be said of look-ahead, of the integers of a model, and of the search for their schemes."""
    lines = chunks.summary(report.chunks) if report.chunks is not None else []
    lines += [integers.search_verdict(report.search)] if report.search is not None else []
    return lines + ([f"integers: {integers.integer_summary(report.integers)}"] if report.integers is not None else [])


def search_table(search: Search) -> Table:
    """Each layer in each cheaper scheme, alone, and which schemes were chosen."""
    table = Table()
    for head in integers.SENSITIVITY_HEAD[:2]:
        table.add_column(head, overflow="fold")
    for head in integers.SENSITIVITY_HEAD[2:5]:
        table.add_column(head, justify="right")
    table.add_column(integers.SENSITIVITY_HEAD[5])
    for row in integers.sensitivity_rows(search):
        table.add_row(*map(escape, row))
    return table
