"""``edgernn verify-boards``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.boards.toolchain import COMPILERS
from edgernn.cli.common.options import debug_option, json_option, quiet_option
from edgernn.errors import EdgeRNNError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from edgernn.boards.artifacts import Artifact
    from edgernn.boards.manifest import Board
    from edgernn.boards.verify import Report, Stream
    from edgernn.boards.verify.streams import Model

EXIT_DISAGREES = 1
GROUPS = {"mcu": ("mcu",), "all": ("mcu", "linux")}
"""What --board takes for many boards -> the kinds of board."""

Progress = Callable[[str, int, int], None]


@click.command("verify-boards")
@click.argument("artifact")
@click.option(
    "--board", "boards", multiple=True, metavar="ID[,ID...]", default=("all",), show_default=True,
    help="Boards (`edgernn boards`), or folders with a board.toml; mcu for all microcontrollers.",
)  # fmt: skip
@click.option(
    "--input", "inputs", multiple=True, metavar="FILE",
    help="Real frames, as for `run`; without them, random ones. NAME=FILE for each input where there are several.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N",
    help="How many; frames of files are repeated, without a reset, where there are fewer.",
)  # fmt: skip
@click.option(
    "--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True, help="zig, or the board's GCC."
)
@json_option
@quiet_option
@debug_option
def command(
    artifact: str, boards: tuple[str, ...], inputs: tuple[str, ...], steps: int | None, compiler: str,
    as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Stream the same frames through ARTIFACT (.ern) on every emulated board and every engine, and compare.

    Outputs of integer models have to be equal, bit for bit; those of float models within rounding. The exit code is 1
    where one differs. An encoder with a decoder is compared in its parts, one after the other.

    \b
    edgernn verify-boards net.ern --input frames.npy --steps 100000
    """
    from edgernn.cli.common.parts import parts_of
    from edgernn.cli.common.progress import Bar

    reports = []
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder, Bar(enabled=not (quiet or as_json)) as bar:
        for part in parts_of(Path(artifact), Path(folder)):
            given = inputs if part.reads_source else ()
            reports.append(check(part.path, boards, given, steps, compiler, bar))
    for report in reports:
        if as_json:
            click.echo(json.dumps(report.to_plain()))
        elif not quiet or not report.agrees:
            _show(report)
    return 0 if all(report.agrees for report in reports) else EXIT_DISAGREES


def check(
    path: Path, boards: Sequence[str], inputs: Sequence[str], steps: int | None, compiler: str, progress: Progress
) -> Report:
    """Build everything, stream, and compare."""
    from edgernn.boards.artifacts import open_artifact
    from edgernn.boards.verify import Report, verify
    from edgernn.boards.verify.inputs import read_input
    from edgernn.boards.verify.streams import face
    from edgernn.ir.seq2seq import Seq2SeqProgram

    artifact = open_artifact(path)
    model = artifact.model
    if model is None or isinstance(model, Seq2SeqProgram):
        raise UsageError(f"{path}: expected an .ern file, which all boards can be built from")
    interface = face(model)
    given = read_input(interface, inputs, steps)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as work:
        engines, missing = _engines(model, path, Path(work))
        emulated, skipped = _emulated(artifact, _boards(boards), Path(work), compiler, progress)
        streams, left_out = [*engines, *emulated], {**missing, **skipped}
        counted = _counted(progress, given.steps * len(streams))
        verdicts, allowed = verify(model, given.frames, streams, progress=counted)
    return Report(
        interface.name, interface.scheme, interface.fingerprint, given.description, given.steps,
        not any(allowed.values()), allowed, verdicts, left_out,
    )  # fmt: skip


def _counted(progress: Progress, total: int) -> Callable[[int], None]:
    """Steps of all streams together. Called from any thread, one at a time."""
    done = 0

    def passed(steps: int) -> None:
        nonlocal done
        done = min(done + steps, total)
        progress("streaming", done, total)

    return passed


def _engines(model: Model, path: Path, work: Path) -> tuple[list[Stream], dict[str, str]]:
    """The engines of this machine, the reference first; and why others are left out."""
    from edgernn.boards.verify import HOST_STREAMS, host_stream

    streams, left_out = [], {}
    for engine in HOST_STREAMS:
        try:
            streams.append(host_stream(engine, model, path, work))
        except MissingExtraError as error:
            left_out[engine] = _reason(error, engine)
    return streams, left_out


def _emulated(
    artifact: Artifact, boards: Sequence[tuple[Board, bool]], work: Path, compiler: str, progress: Progress
) -> tuple[list[Stream], dict[str, str]]:
    """The boards, built; and why others of a group are left out. One asked for by its name has to work."""
    from edgernn.boards.verify import board_streams

    streams, left_out = [], {}
    built = board_streams(
        [board for board, _ in boards], artifact, work, compiler, lambda k: progress("building", k, len(boards))
    )
    for (board, asked), stream in zip(boards, built, strict=True):
        if not isinstance(stream, EdgeRNNError):
            streams.append(stream)
        elif asked:
            raise stream
        else:
            left_out[board.id] = _reason(stream, board.id)
    return streams, left_out


def _reason(error: Exception, name: str) -> str:
    return str(error).splitlines()[0].removeprefix(f"{name}: ")


def _boards(names: Sequence[str]) -> list[tuple[Board, bool]]:
    """Boards, and whether each was asked for by its own name."""
    from edgernn.boards.catalog import list_boards, load_board

    found: dict[str, tuple[Board, bool]] = {}
    for name in (n.strip() for text in names for n in text.split(",") if n.strip()):
        for board in [load_board(n) for n in (list_boards() if name in GROUPS else [name])]:
            if name not in GROUPS or board.kind in GROUPS[name]:
                asked = name not in GROUPS or found.get(board.id, (board, False))[1]
                found[board.id] = board, asked
    return list(found.values())


def _show(report: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    from edgernn.cli.common.console import results

    table = Table()
    for head in ("stream", "core", "run by"):
        table.add_column(head)
    for head in ("seconds", "largest error"):
        table.add_column(head, justify="right")
    table.add_column("SHA-256" if report.exact else "verdict")
    for v in report.verdicts:
        mark = f"{v.sha256[:16]}…" if report.exact and not v.error else ("agrees" if v.agrees else "")
        error = "–" if v.error else f"{v.max_error:.3g}"
        style = "" if v.agrees else "bold red"
        table.add_row(escape(v.name), v.core, v.how, f"{v.seconds:.1f}", error, mark or "differs", style=style)
    click.echo(f"{report.model} {report.scheme}, {report.steps:,} steps over {report.input}")
    results().print(table)
    _conclude(report)


def _conclude(report: Report) -> None:
    for v in report.verdicts:
        if not v.agrees:
            click.secho(f"{v.name}: {v.text}", fg="red", err=True)
    for name, reason in report.left_out.items():
        click.echo(f"left out: {name}: {reason}", err=True)
    number = len(report.verdicts)
    if not report.agrees:
        wrong = sum(not v.agrees for v in report.verdicts)
        click.secho(f"{wrong} of {number} streams disagree with the reference.", fg="red")
    elif report.exact:
        click.echo(f"All {number} streams are the same, bit for bit: SHA-256 {report.sha256}")
    else:
        largest: Any = ", ".join(f"{name} {value:.3g}" for name, value in report.tolerance.items() if value)
        click.echo(f"All {number} streams agree within the tolerance ({largest}).")
