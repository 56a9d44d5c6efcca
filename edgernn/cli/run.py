"""``edgernn run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.cli.common.options import debug_option, engine_option, json_option, quiet_option
from edgernn.cli.common.stream import StopSignal, Summary, stream
from edgernn.errors import UsageError

if TYPE_CHECKING:
    from edgernn.boards.links.connect import BoardEngine
    from edgernn.cli.common.progress import Bar
    from edgernn.runtime.io import Sink, Source
    from edgernn.runtime.session import Session


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
@click.option(
    "--port", metavar="URL",
    help="Run on the board behind this serial port, which holds the program of `edgernn build`: /dev/ttyACM0, COM3, or "
    "a URL of pyserial.",
)  # fmt: skip
@click.option("--board", metavar="ID", help="With --port: what has to be there, one of `edgernn boards`.")
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
    port: str | None,
    board: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Stream frames through ARTIFACT, one step at a time, as they arrive.

    \b
    edgernn run kws.ern --input speech.wav --output scores.csv
    arecord -f S16_LE -r 16000 -t wav | edgernn run kws.so --input - | tail -f
    edgernn run kws.ern --port /dev/ttyACM0 --input frames.npy
    """
    _check_stdin(inputs)
    session, device = _open(artifact, engine, port, board)
    if session.interface.mode in ("segment", "seq2seq") and snapshot:
        raise UsageError("--snapshot: a model of whole segments, or sources, has no state between segments")
    summary = _stream(session, inputs, outputs, snapshot, limit, as_json, quiet)
    if device is not None:
        from edgernn.boards.profile.serial import summary_of

        summary.board = summary_of(device.link, device.counters)
    to_stdout = any(spec == "-" or spec.endswith("=-") for spec in outputs)
    if as_json:
        click.echo(json.dumps(summary.to_plain()), err=to_stdout)
    elif not quiet:
        click.echo(summary.text(), err=True)
    return summary.exit_code


def _open(
    artifact: str, engine: str, port: str | None, board: str | None
) -> tuple[Session, BoardEngine | None]:  # fmt: skip
    """The artifact on an engine of this machine, or on the board behind ``port``."""
    from edgernn.runtime import load

    if port is None and board is not None:
        raise UsageError("--board: give --port too; without a board, `edgernn profile` emulates one")
    if port is None:
        return load(artifact, engine), None
    if engine != "auto":
        raise UsageError("--engine: the board behind --port runs compiled C; leave one of them out")
    from edgernn.boards.catalog import load_board
    from edgernn.boards.links.connect import BoardEngine, open_link
    from edgernn.cli.inspect import read_artifact
    from edgernn.runtime.session import Session

    expected = load_board(board) if board is not None else None
    interface, _ = read_artifact(Path(artifact))
    device = BoardEngine(open_link(port, interface, expected))
    return Session(device, artifact), device


def _stream(
    session: Session, inputs: tuple[str, ...], outputs: tuple[str, ...], snapshot: str | None,
    limit: int | None, as_json: bool, quiet: bool,
) -> Summary:  # fmt: skip
    from edgernn.cli.common.progress import Bar
    from edgernn.cli.common.snapshot import restore, save
    from edgernn.runtime.io import open_sink, open_source

    with session, StopSignal() as stop:
        kept = Path(snapshot) if snapshot else None
        restored = restore(session, kept) if kept else False
        reads = session.interface.encoder or session.interface
        with open_source(inputs, reads) as source:
            _invite(inputs, reads, quiet or as_json)
            sink = open_sink(outputs, session.interface, json=as_json)
            try:
                with Bar(enabled=not quiet and "-" not in outputs) as bar:
                    summary = _frames_through(session, source, sink, limit, stop, bar, kept)
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


def _frames_through(
    session: Session, source: Source, sink: Sink, limit: int | None, stop: StopSignal, bar: Bar, kept: Path | None
) -> Summary:
    """As a stream; a model of whole segments takes all frames of the source as one, and so does an encoder."""
    from edgernn.cli.common.segments import run_segment
    from edgernn.cli.common.seq2seq import run_seq2seq
    from edgernn.runtime.segment import SegmentSession
    from edgernn.runtime.seq2seq import Seq2SeqSession

    if isinstance(session, Seq2SeqSession):
        return run_seq2seq(session, source, sink, limit, stop)
    if isinstance(session, SegmentSession):
        return run_segment(session, source, sink, limit, stop)
    return stream(session, source, sink, limit, stop, bar, end=kept is None)


def _check_stdin(inputs: tuple[str, ...]) -> None:
    if sys.stdin is None and any(spec == "-" or spec.endswith("=-") for spec in inputs):
        raise UsageError("standard input is closed; give --input FILE")


def _invite(inputs: tuple[str, ...], interface: Any, silent: bool) -> None:
    """Tell a user at a terminal what is waited for."""
    if inputs == ("-",) and not silent and sys.stdin.isatty():
        sizes = ", ".join(f"{p.size} for {p.name!r}" for p in interface.inputs)
        click.echo(f"waiting for frames, one a line ({sizes}); Ctrl-D ends", err=True)
