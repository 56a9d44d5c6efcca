"""``edgernn inspect``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.cli.common.options import debug_option, json_option
from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.segmentfile import mode_of

if TYPE_CHECKING:
    from edgernn.ir.segment import Stage


@click.command("inspect")
@click.argument("artifact")
@click.option("--graph", is_flag=True, help="Show what each node of the program reads and gives (.ern).")
@click.option("--svg", metavar="FILE", help="Draw the program (.ern): nodes, shapes, states and their sizes.")
@json_option
@debug_option
def command(artifact: str, graph: bool, svg: str | None, as_json: bool) -> None:
    """Show what ARTIFACT takes, gives and carries from step to step; for .ern also its program."""
    path = Path(artifact)
    if svg is not None:
        _draw(path, Path(svg))
    plain = describe(path)
    if as_json:
        click.echo(json.dumps(plain))
        return
    _print(plain)
    if graph:
        _print_graph(path)


def _programs(path: Path) -> list[tuple[str, Graph]]:
    """The program of an .ern file, or its stages, with titles."""
    from edgernn.ir.segment import Segment
    from edgernn.ir.segmentfile import read_model
    from edgernn.ops import OPS

    if path.suffix != ".ern":
        raise UsageError(f"{path}: only .ern files hold their program: export the model with --format ern")
    if path.is_file() and mode_of(path) == "seq2seq":
        return _programs_of_pair(path)
    interface, model = read_model(path, OPS)
    if isinstance(model, Segment):
        head = f"{interface.name} {interface.scheme}, up to {model.max_frames} frames"
        return [(f"{head}; stage {k}: {s.direction}", s.graph) for k, s in enumerate(model.stages)]
    rate = f", hop {interface.hop}" if interface.hop > 1 else ""
    late = f", delay {interface.delay}, tail {interface.tail}" if interface.delay or interface.tail else ""
    return [(f"{interface.name} {interface.scheme}{rate}{late}; {interface.state_bytes:,} B of state", model)]


def _programs_of_pair(path: Path) -> list[tuple[str, Graph]]:
    from edgernn.ir.seq2seqfile import read_seq2seq
    from edgernn.ops import OPS

    _, pair = read_seq2seq(path, OPS)
    return [
        (f"{pair.name} {part.scheme}, {name}; stage {k}: {stage.direction}", stage.graph)
        for name, part in (("encode", pair.encode), ("step", pair.step))
        for k, stage in enumerate(part.stages)
    ]


def _draw(path: Path, target: Path) -> None:
    from edgernn.export.files import write_file
    from edgernn.validation.render.drawing import graph_svg

    write_file(target, graph_svg(_programs(path)).encode())


def _print_graph(path: Path) -> None:
    from edgernn.validation.render.drawing import graph_lines

    for title, graph in _programs(path):
        click.echo(title)
        for line in graph_lines(graph):
            click.echo(line)


def describe(path: Path) -> dict[str, Any]:
    """All that an artifact says of itself, as plain values. Raises ArtifactError."""
    mode = mode_of(path) if path.suffix == ".ern" and path.is_file() else ""
    if mode == "segment":
        return _segment(path)
    if mode == "seq2seq":
        return _seq2seq(path)
    interface, graph = read_artifact(path)
    plain = _described(path, interface)
    if graph is not None:
        plain |= _program(graph)
    return plain


def _described(path: Path, interface: Interface) -> dict[str, Any]:
    plain = {"path": str(path), "size_bytes": path.stat().st_size, **interface.program()}
    plain["fingerprint"] = interface.fingerprint
    for row, state in zip(plain["states"], interface.states, strict=True):
        row["bytes"] = state.nbytes
        row["initial"] = "zero" if row["initial"] is None else "given"
    plain["state_bytes"] = interface.state_bytes
    if interface.max_frames is not None:
        plain["buffer_bytes"], plain["state_bytes"] = plain.pop("memory")
    if interface.encoder is not None:
        plain["max_frames"] = interface.encoder.max_frames
        plain["inputs"] = [*interface.encoder.program()["inputs"], *plain["inputs"]]
    return plain


def _segment(path: Path) -> dict[str, Any]:
    """Of a model of whole segments: its stages, and the memory that a segment takes."""
    from edgernn.ir.segmentfile import read_segment
    from edgernn.ops import OPS

    interface, segment = read_segment(path, OPS)
    plain = interface.program()
    plain.pop("memory")
    return {
        "path": str(path), "size_bytes": path.stat().st_size, **plain,
        "fingerprint": interface.fingerprint, "state_bytes": segment.state_bytes,
        "max_frames": segment.max_frames, "buffer_bytes": segment.buffer_bytes, **_stages(segment.stages),
    }  # fmt: skip


def _stages(stages: Sequence[Stage]) -> dict[str, Any]:
    programs = [_program(stage.graph) for stage in stages]
    return {
        "stages": [s.direction for s in stages],
        "nodes": [{**row, "stage": k} for k, program in enumerate(programs) for row in program["nodes"]],
        **{key: sum(p[key] for p in programs) for key in ("weights", "weight_bytes", "macs")},
    }  # fmt: skip


def _seq2seq(path: Path) -> dict[str, Any]:
    """Of an encoder with a decoder: the stages of both, one after the other."""
    from edgernn.ir.seq2seqfile import read_seq2seq
    from edgernn.ops import OPS

    interface, program = read_seq2seq(path, OPS)
    return {
        **_described(path, interface), "buffer_bytes": program.buffer_bytes,
        **_stages([*program.encode.stages, *program.step.stages]),
        "encode_stages": len(program.encode.stages),
    }  # fmt: skip


def read_artifact(path: Path) -> tuple[Interface, Graph | None]:
    """What an artifact says of itself, and the program of an .ern. Raises ArtifactError."""
    if path.suffix == ".ern" and path.is_file():
        from edgernn.ir.ernfile import read_ern
        from edgernn.ops import OPS

        return read_ern(path, OPS)
    from edgernn.runtime import load
    from edgernn.runtime.segment import SegmentSession

    with load(path) as session:
        if isinstance(session, SegmentSession):
            return replace(session.interface, memory=(session.buffer_bytes, session.state_bytes)), None
        return session.interface, None


def _program(graph: Graph) -> dict[str, Any]:
    from edgernn.ir.nibbles import stored_bytes
    from edgernn.validation.layers import joined_rows

    rows = joined_rows(graph)
    return {
        "nodes": [
            {
                "name": r.name, "op": r.op, "times": r.times, "shape": list(r.shape), "weights": r.weights,
                "macs": r.macs,
            }
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
    if plain.get("max_frames"):
        buffers = f", buffers {plain['buffer_bytes']:,} bytes" if "buffer_bytes" in plain else ""
        what = "sources" if plain["mode"] == "seq2seq" else "segments"
        click.echo(f"{what} of up to {plain['max_frames']:,} frames{buffers}")
    if "writing" in plain:
        writing = plain["writing"]
        click.echo(f"writes from symbol {writing['start']} to symbol {writing['end']}, {writing['max_output']} at most")
    if "stages" in plain:
        count = plain.get("encode_stages", len(plain["stages"]))
        rest = "".join(f", {s}" for s in plain["stages"][count:])
        click.echo(f"stages {', '.join(plain['stages'][:count])}{'; of a symbol' + rest[1:] if rest else ''}")
    table = Table("", "name", "shape", "dtype", "")
    for role in ("inputs", "outputs", "states"):
        for row in plain[role]:
            remark = _remark(row, plain["mode"])
            table.add_row(role[:-1], escape(row["name"]), _shape(row["shape"]), row["dtype"], remark)
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


def _remark(row: dict[str, Any], mode: str) -> str:
    if "bytes" in row:
        return f"{row['bytes']:,} bytes, initially {row['initial']}"
    whole = mode == "segment"
    kinds = {
        "frame": "one a frame" if whole else "one a step",
        "final": "for the whole segment" if whole else "for the frames so far",
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
        op = row["op"] + (f" × {row['times']}" if row["times"] > 1 else "")
        table.add_row(escape(row["name"]), op, _shape(row["shape"]), f"{row['weights']:,}", f"{row['macs']:,}")
    return table
