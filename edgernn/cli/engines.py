"""``edgernn engines``."""

from __future__ import annotations

import importlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from edgernn.cli.common.options import debug_option, json_option
from edgernn.errors import MissingExtraError
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX

PACKAGES: dict[str, tuple[str, ...]] = {
    "native": (),
    "tflite": ("ai-edge-litert", "tflite-runtime"),
    "onnxruntime": ("onnxruntime",),
    "numba": ("numba",),
    "reference": ("numpy",),
}
ABOUT = {
    "native": "the exported C as a shared library",
    "tflite": "LiteRT, or the TensorFlow Lite interpreter",
    "onnxruntime": "ONNX Runtime on the CPU",
    "numba": "the whole step as one compiled call",
    "reference": "NumPy: the definition of every op, slow",
}


@click.command("engines")
@json_option
@debug_option
def command(as_json: bool) -> None:
    """List the engines, whether they are installed, and what they run."""
    rows = [describe(name) for name in ENGINES]
    if as_json:
        click.echo(json.dumps({"engines": rows}))
    else:
        _print(rows)


def describe(name: str) -> dict[str, Any]:
    """What is known of an engine, as plain values."""
    missing: MissingExtraError | None = importlib.import_module(ENGINES[name]).missing()
    return {
        "name": name,
        "runs": [suffix for suffix, engines in ENGINES_OF_SUFFIX.items() if name in engines],
        "installed": missing is None,
        "packages": {p: v for p in PACKAGES.get(name, ()) if (v := _version(p))},
        "about": ABOUT.get(name, ""),
        "missing": str(missing) if missing else None,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from edgernn.cli.common.console import results

    table = Table("engine", "runs", "installed", "what it is")
    for row in rows:
        versions = ", ".join(f"{p} {v}" for p, v in row["packages"].items())
        state = f"[green]yes[/] {versions}" if row["installed"] else "[yellow]no[/]"
        table.add_row(row["name"], " ".join(row["runs"]), state, row["about"])
    results().print(table)
    for row in rows:
        if not row["installed"]:
            click.echo(f"{row['name']}: {row['missing']}")
