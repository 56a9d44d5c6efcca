"""``edgernn run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from edgernn.cli.common.options import debug_option, engine_option, json_option, quiet_option
from edgernn.cli.common.stream import StopSignal, Summary, stream
from edgernn.errors import UsageError


@click.command("run")
@click.argument("artifact")
@engine_option
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE|-",
    default=("-",),
    show_default=True,
    help="Frames: .npy, .csv (also .tsv, .txt), .jsonl, .wav, or - for CSV, JSON lines or WAV from standard "
    "input. NAME=FILE for each input where there are several.",
)
@click.option(
    "--output",
    "-o",
    "outputs",
    multiple=True,
    metavar="FILE|-",
    default=("-",),
    show_default=True,
    help="Results: .npy, .csv or .jsonl, or - for CSV (JSON lines with --json) to standard output. "
    "NAME=FILE for one output of several.",
)
@click.option("--snapshot", metavar="FILE", help="Continue from this state if the file exists; save it at the end.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Stop after N frames.")
@json_option
@quiet_option
@debug_option
def command(
    artifact: str,
    engine: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    snapshot: str | None,
    limit: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Stream frames through ARTIFACT, one step at a time, as they arrive.

    \b
    edgernn run kws.ern --input speech.wav --output scores.csv
    arecord -f S16_LE -r 16000 -t wav | edgernn run kws.so --input - | tail -f
    """
    summary = _stream(artifact, engine, inputs, outputs, snapshot, limit, as_json, quiet)
    to_stdout = any(spec == "-" or spec.endswith("=-") for spec in outputs)
    if as_json:
        click.echo(json.dumps(summary.to_plain()), err=to_stdout)
    elif not quiet:
        click.echo(summary.text(), err=True)
    return summary.exit_code


def _stream(
    artifact: str, engine: str, inputs: tuple[str, ...], outputs: tuple[str, ...], snapshot: str | None,
    limit: int | None, as_json: bool, quiet: bool,
) -> Summary:  # fmt: skip
    from edgernn.cli.common.progress import Bar
    from edgernn.cli.common.snapshot import restore, save
    from edgernn.runtime import load
    from edgernn.runtime.io import open_sink, open_source

    _check_stdin(inputs)
    with load(artifact, engine) as session, StopSignal() as stop:
        kept = Path(snapshot) if snapshot else None
        restored = restore(session, kept) if kept else False
        with open_source(inputs, session.interface) as source:
            _invite(inputs, session.interface, quiet or as_json)
            sink = open_sink(outputs, session.interface, json=as_json)
            try:
                with Bar(enabled=not quiet and "-" not in outputs) as bar:
                    summary = stream(session, source, sink, limit, stop, bar)
            except BrokenPipeError:
                sink.close()
                if kept:
                    save(session, kept)
                raise
            except BaseException:
                sink.discard()
                raise
            sink.close()
        if kept:
            save(session, kept)
            summary.snapshot, summary.restored = str(kept), restored
    return summary


def _check_stdin(inputs: tuple[str, ...]) -> None:
    if sys.stdin is None and any(spec == "-" or spec.endswith("=-") for spec in inputs):
        raise UsageError("standard input is closed; give --input FILE")


def _invite(inputs: tuple[str, ...], interface: Any, silent: bool) -> None:
    """Tell a user at a terminal what is waited for."""
    if inputs == ("-",) and not silent and sys.stdin.isatty():
        sizes = ", ".join(f"{p.size} for {p.name!r}" for p in interface.inputs)
        click.echo(f"waiting for frames, one a line ({sizes}); Ctrl-D ends", err=True)
