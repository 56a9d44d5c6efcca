"""Printing results: a table for people, JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console()


def machine() -> str:
    """Processor and Python, as far as the system says."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else name}, {platform.system()}, Python {platform.python_version()}"


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def show_missing(missing: Mapping[str, str]) -> None:
    """What could not be measured, and why."""
    for name, reason in missing.items():
        console.print(f"not measured: {name}: {reason}", style="yellow", markup=False)


def write_json(results: Any, path: Path | None) -> None:
    """Write ``results`` to ``path``; nothing if there is none."""
    if path is not None:
        path.write_text(json.dumps(results, indent=2) + "\n")
        console.print(f"written: {path}", markup=False)


def verdict(value: float, limit: float) -> str:
    """Coloured comparison with a limit."""
    return f"[green]<= {limit:g}[/]" if value <= limit else f"[red]> {limit:g}[/]"
