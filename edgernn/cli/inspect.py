"""``edgernn inspect``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from edgernn.cli.common.options import debug_option, json_option
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.segmentfile import holds_segment


@click.command("inspect")
@click.argument("artifact")
@json_option
@debug_option
def command(artifact: str, as_json: bool) -> None:
    """Show what ARTIFACT takes, gives and carries from step to step; for .ern also its program."""
    plain = describe(Path(artifact))
    if as_json:
        click.echo(json.dumps(plain))
    else:
        _print(plain)


def describe(path: Path) -> dict[str, Any]:
    """All that an artifact says of itself, as plain values. Raises ArtifactError."""
    if path.suffix == ".ern" and path.is_file() and holds_segment(path):
        return _segment(path)
    interface, graph = read_artifact(path)
    plain = {"path": str(path), "size_bytes": path.stat().st_size, **interface.program()}
    plain["fingerprint"] = interface.fingerprint
    for row, state in zip(plain["states"], interface.states, strict=True):
        row["bytes"] = state.nbytes
        row["initial"] = "zero" if row["initial"] is None else "given"
    plain["state_bytes"] = interface.state_bytes
    if graph is not None:
        plain |= _program(graph)
    return plain


def _segment(path: Path) -> dict[str, Any]:
    """Of a model of whole segments: its stages, and the memory that a segment takes."""
    from edgernn.ir.segmentfile import read_segment
    from edgernn.ops import OPS

    interface, segment = read_segment(path, OPS)
    programs = [_program(stage.graph) for stage in segment.stages]
    return {
        "path": str(path), "size_bytes": path.stat().st_size, **interface.program(),
        "fingerprint": interface.fingerprint, "state_bytes": segment.state_bytes,
        "max_frames": segment.max_frames, "buffer_bytes": segment.buffer_bytes,
        "stages": [s.direction for s in segment.stages],
        "nodes": [{**row, "stage": k} for k, program in enumerate(programs) for row in program["nodes"]],
        **{key: sum(p[key] for p in programs) for key in ("weights", "weight_bytes", "macs")},
    }  # fmt: skip


def read_artifact(path: Path) -> tuple[Interface, Graph | None]:
    """What an artifact says of itself, and the program of an .ern. Raises ArtifactError."""
    if path.suffix == ".ern" and path.is_file():
        from edgernn.ir.ernfile import read_ern
        from edgernn.ops import OPS

        return read_ern(path, OPS)
    from edgernn.runtime import load

    with load(path) as session:
        return session.interface, None


def _program(graph: Graph) -> dict[str, Any]:
    from edgernn.ir.nibbles import stored_bytes
    from edgernn.validation.layers import layer_rows

    rows = layer_rows(graph)
    return {
        "nodes": [
            {"name": r.name, "op": r.op, "shape": list(r.shape), "weights": r.weights, "macs": r.macs}
            for r in rows
        ],
        "weights": sum(r.weights for r in rows),
        "weight_bytes": sum(stored_bytes(array) for array in graph.constants.values()),
        "macs": sum(r.macs for r in rows),
    }  # fmt: skip


def _print(plain: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from edgernn.cli.common.console import results

    click.echo(f"{plain['name']}  {plain['path']}  {plain['size_bytes']:,} bytes")
    click.echo(f"fingerprint {plain['fingerprint']}")
    rate = f", {plain['sample_rate_hz']:g} Hz" if plain["sample_rate_hz"] else ""
    click.echo(f"mode {plain['mode']}, scheme {plain['scheme']}, hop {plain['hop']}, delay {_delay(plain)}{rate}")
    click.echo(f"state {plain['state_bytes']:,} bytes")
    if "tokenizer" in plain:
        tokenizer = plain["tokenizer"]
        size = "" if tokenizer["kind"] == "bytes" else f"{len(tokenizer['vocabulary']):,} "
        click.echo(f"tokenizer of {size}{tokenizer['kind']}")
    if "stages" in plain:
        click.echo(f"segments of up to {plain['max_frames']:,} frames, buffers {plain['buffer_bytes']:,} bytes")
        click.echo(f"stages {', '.join(plain['stages'])}")
    table = Table("", "name", "shape", "dtype", "")
    for role in ("inputs", "outputs", "states"):
        for row in plain[role]:
            table.add_row(role[:-1], escape(row["name"]), _shape(row["shape"]), row["dtype"], _remark(row))
    console = results()
    console.print(table)
    if "nodes" in plain:
        console.print(_node_table(plain))


def _delay(plain: dict[str, Any]) -> str:
    """In frames, and in seconds where the rate is known."""
    delay, rate = plain["delay"], plain["sample_rate_hz"]
    samples = math.prod(plain["inputs"][0]["shape"])
    seconds = f" ({delay * samples / rate:.3g} s)" if delay and rate else ""
    return f"{delay}{seconds}" + (f", tail {plain['tail']}" if plain.get("tail") else "")


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _remark(row: dict[str, Any]) -> str:
    if "bytes" in row:
        return f"{row['bytes']:,} bytes, initially {row['initial']}"
    kinds = {
        "frame": "one a step",
        "final": "for the frames so far",
        "static": "the same for a whole sequence",
    }
    limit = f", 0 to {row['limit'] - 1}" if row["limit"] else ""
    return kinds[row["kind"]] + limit


def _node_table(plain: dict[str, Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table("node", "op", "shape", show_footer=True)
    table.columns[0].footer = "total"
    table.add_column("weights", footer=f"{plain['weights']:,}", justify="right")
    table.add_column("MACs a step", footer=f"{plain['macs']:,}", justify="right")
    for row in plain["nodes"]:
        table.add_row(escape(row["name"]), row["op"], _shape(row["shape"]), f"{row['weights']:,}", f"{row['macs']:,}")
    return table
