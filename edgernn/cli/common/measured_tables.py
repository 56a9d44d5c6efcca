"""The table of what ``edgernn profile`` measured on machines that run Linux."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from edgernn.boards.profile import Profile
from edgernn.boards.profile.measured import facts
from edgernn.boards.profile.text import NOTHING, number
from edgernn.cli.common.console import results


def show_measured(profiles: Sequence[Profile]) -> None:
    """A row for each artifact and engine; then what the machines tell of themselves."""
    periods = any(p.period_us for p in profiles)
    table = Table(title="measured, us a step", title_justify="left")
    for head in ("board", "artifact", "engine"):
        table.add_column(head, overflow="fold")
    heads = ("p50", "p90", "p99", "max", *(["p99 of period"] if periods else []), "steps", "import ms", "load ms",
             "first load ms", "peak MB")  # fmt: skip
    for head in heads:
        table.add_column(head, justify="right")
    for p in profiles:
        table.add_row(escape(p.board), escape(p.artifact), p.engine, *_cells(p, periods))
    results().print(table)
    for source in dict.fromkeys((p.board, p.source) for p in profiles):
        first, *others = facts([p for p in profiles if (p.board, p.source) == source])
        click.echo(f"{source[0]}, {source[1]}: {first}")
        for line in others:
            click.echo(f"  {line}")
    for note in dict.fromkeys(f"{p.board}: {note}" for p in profiles for note in p.notes):
        click.echo(note)


def _cells(p: Profile, periods: bool) -> list[str]:
    extra: dict[str, Any] = dict(p.extra)
    latency, imports = extra["latency_us"], extra["imports"]
    peak = extra["resident_bytes"]["peak"]
    share = [f"{100 * latency['p99'] / p.period_us:.3g} %" if p.period_us else NOTHING] if periods else []
    return [
        *(number(latency[name]) for name in ("p50", "p90", "p99", "max")), *share, f"{latency['steps']:,}",
        number(sum(imports.values())), number(extra["load_ms"]), number(extra["first_load_ms"]),
        f"{peak / 1e6:.0f}" if peak is not None else NOTHING,
    ]  # fmt: skip
