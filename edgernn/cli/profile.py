"""``edgernn profile``: what artifacts cost on boards.

Interface for what plugs in below: a ``Job`` (artifact, board, way, frames, engine; ``edgernn.boards.profile.job``) goes
to the module that ``edgernn.boards.profile.sources.MODULES`` names for its kind of way ("emulator", "serial", "local",
"ssh"), whose ``profile(job, progress)`` returns a ``Profile`` (``edgernn.boards.profile.figures``). Tables, JSON, HTML
and budgets are made from profiles alone, wherever they come from.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.boards.toolchain import COMPILERS
from edgernn.cli.common.options import debug_option, json_option, quiet_option
from edgernn.errors import EdgeRNNError, UsageError
from edgernn.runtime.engines import ENGINES

if TYPE_CHECKING:
    from edgernn.boards.manifest import Board
    from edgernn.boards.profile import Frames, Job, Profile, Way

GROUPS = {"mcu": ("mcu",), "all": ("mcu", "linux", "host")}
"""What --board takes for many boards -> the kinds of board."""

EXIT_BUDGET = 1


@click.command("profile")
@click.argument("artifacts", nargs=-1, required=True, metavar="ARTIFACT...")
@click.option(
    "--board", "boards", multiple=True, required=True, metavar="ID[,ID...]",
    help="Boards (`edgernn boards`), or folders with a board.toml; mcu for all microcontrollers, or all.",
)
@click.option(
    "--engine", "engines", multiple=True, metavar="NAME[,NAME...]", default=("auto",), show_default=True,
    help="What runs the artifact on the host and over ssh; all for every engine that does. Emulated boards run "
    "compiled C.",
)
@click.option(
    "--input", "inputs", multiple=True, metavar="FILE",
    help="Real frames, as for `run`; without them, random ones. NAME=FILE for each input where there are several.",
)
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="At most this many.")
@click.option(
    "--port", metavar="URL", default="",
    help="Serial port of the real board, which runs the program of `edgernn build`: /dev/ttyACM0, COM3, or a URL of "
    "pyserial. Cycles are then measured.",
)  # fmt: skip
@click.option(
    "--ssh", metavar="HOST", default="",
    help="Measure on the real board, a Raspberry Pi: [USER@]HOST as ssh takes it. It needs Python with NumPy.",
)
@click.option(
    "--ssh-option", "ssh_options", multiple=True, metavar="NAME=VALUE", help="As in ssh_config: Port=2222."
)
@click.option(
    "--ssh-python", metavar="PATH", default="", help="The Python there; python3 by default, or edge/bin/python."
)
@click.option("--rate", "rate_hz", type=click.FloatRange(min=0, min_open=True), metavar="HZ", help="Steps a second.")
@click.option(
    "--period", "period_us", type=click.FloatRange(min=0, min_open=True), metavar="US", help="Time between two steps."
)
@click.option("--max-ram", type=click.IntRange(min=0), metavar="BYTES", help="Fail where more RAM is used.")
@click.option("--max-flash", type=click.IntRange(min=0), metavar="BYTES", help="Fail where more flash is used.")
@click.option(
    "--max-step-us", type=click.FloatRange(min=0, min_open=True), metavar="US",
    help="Fail where a step may take longer: the upper end of an estimate.",
)
@click.option(
    "--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True, help="zig, or the board's GCC."
)
@click.option(
    "--html", "html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a page with a bar of what each node takes, and maps of the memory.",
)
@json_option
@quiet_option
@debug_option
def command(
    artifacts: tuple[str, ...], boards: tuple[str, ...], engines: tuple[str, ...], inputs: tuple[str, ...],
    steps: int | None, port: str, ssh: str, ssh_options: tuple[str, ...], ssh_python: str, rate_hz: float | None,
    period_us: float | None, max_ram: int | None, max_flash: int | None, max_step_us: float | None, compiler: str,
    html: Path | None, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Tell what each step of ARTIFACT costs on boards: instructions, time, flash, RAM, by node.

    Microcontroller boards are emulated and take .ern files, or the .c of an exported model. Instructions and memory
    are exact; cycles and times are estimated by a model of the core, and say how far they may be off. On the host, and
    on a board over ssh, engines run the artifact as programs do, and times, memory and temperature are measured.
    An encoder with a decoder is profiled in its parts: a source of the most frames, and a symbol.

    \b
    edgernn profile net.ern --board nucleo-f446re,pico --input frames.npy --rate 100
    edgernn profile net.ern --board mcu --max-ram 4096 --max-step-us 2000
    edgernn profile net.ern --board nucleo-f446re --port /dev/ttyACM0 --input frames.npy
    edgernn profile net.so net.ern net.onnx --board rpi4 --ssh pi@raspberrypi.local --engine all
    """
    from edgernn.boards.profile import Budgets, Frames, excesses
    from edgernn.cli.common.files import write_atomically
    from edgernn.cli.common.parts import parts_of
    from edgernn.cli.common.profile_tables import show
    from edgernn.cli.common.progress import Bar

    period = _period(rate_hz, period_us)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as work:
        parts = [part for artifact in artifacts for part in parts_of(Path(artifact), Path(work) / "parts")]
        jobs, skipped = _jobs(
            [(part.path, Frames(inputs if part.reads_source else (), steps)) for part in parts], _names(boards),
            _engines(engines), Path(work), compiler, period, port, _ssh(ssh, ssh_options, ssh_python),
        )  # fmt: skip
        with Bar(enabled=not (quiet or as_json)) as bar:
            labels = {str(part.path): part.label for part in parts}
            profiles = [replace(p, artifact=labels.get(p.artifact, p.artifact)) for p in _run(jobs, bar, skipped)]
    over = list(excesses(profiles, Budgets(max_ram, max_flash, max_step_us)))
    if html is not None:
        from edgernn.boards.profile.page import render_page

        write_atomically(html, render_page(profiles, over).encode())
    if as_json:
        click.echo(json.dumps(_plain(profiles, skipped, over)))
    else:
        show(profiles)
        if html is not None:
            click.echo(f"page: {html}")
        for name, reason in skipped.items():
            click.echo(f"left out: {name}: {reason}", err=True)
        for name in _late(profiles, max_step_us):
            click.echo(f"note: {name}: within --max-step-us, but not with all waits for flash", err=True)
        for excess in over:
            click.secho(f"over budget: {excess.text}", fg="red", err=True)
    return EXIT_BUDGET if over else 0


def _late(profiles: Sequence[Profile], max_step_us: float | None) -> list[str]:
    """Boards whose cache decides whether a step keeps its budget."""
    times = [(p.board, p.time_us) for p in profiles if p.time_us is not None and p.time_us.waiting]
    return [
        board for board, time in times
        if max_step_us is not None and time.upper <= max_step_us < time.upper + (time.waiting or 0)
    ]  # fmt: skip


def _period(rate_hz: float | None, period_us: float | None) -> float | None:
    if rate_hz is not None and period_us is not None:
        raise UsageError("--rate and --period say the same: give one of them")
    return 1e6 / rate_hz if rate_hz is not None else period_us


def _ssh(host: str, options: tuple[str, ...], python: str) -> Way | None:
    from edgernn.boards.profile import Way

    if not host and (options or python):
        raise UsageError("--ssh-option and --ssh-python say how to reach a board: give --ssh HOST too")
    return Way("ssh", host, options, python) if host else None


def _names(given: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))


def _engines(given: Sequence[str]) -> list[str]:
    names = _names(given)
    for name in names:
        if name not in ("auto", "all", *ENGINES):
            raise UsageError(f"--engine: there is no {name!r}; engines are auto, all, {', '.join(ENGINES)}")
    return names


def _boards(names: Sequence[str]) -> list[tuple[Board, bool]]:
    """Boards, and whether each was asked for by its own name."""
    from edgernn.boards.catalog import list_boards, load_board

    if not names:
        raise UsageError("--board: expected ids of boards, mcu or all, found nothing")
    found: dict[str, tuple[Board, bool]] = {}
    for name in names:
        for board in [load_board(n) for n in (list_boards() if name in GROUPS else [name])]:
            if name not in GROUPS or board.kind in GROUPS[name]:
                asked = name not in GROUPS or found.get(board.id, (board, False))[1]
                found[board.id] = board, asked
    return list(found.values())


def _jobs(
    artifacts: Sequence[tuple[Path, Frames]], names: Sequence[str], engines: Sequence[str], work: Path,
    compiler: str, period_us: float | None, port: str, ssh: Way | None,
) -> tuple[list[tuple[Job, bool]], dict[str, str]]:  # fmt: skip
    """What to do, with whether a failure is one of the command, and what of a group of boards is left out."""
    from edgernn.boards.profile import Job, engines_for, way_to

    if port and ssh:
        raise UsageError("--port and --ssh lead to different boards: give one of them")
    if ssh and len(_boards(names)) != 1:
        raise UsageError("--ssh: one board is behind it; give one --board")
    if port and (len(artifacts) != 1 or len(_boards(names)) != 1):
        raise UsageError("--port: one board with one model is behind it; give one ARTIFACT and one --board")
    jobs: list[tuple[Job, bool]] = []
    skipped: dict[str, str] = {}
    for k, (artifact, frames) in enumerate(artifacts):
        for board, asked in _boards(names):
            try:
                way = way_to(board, port, ssh)
            except EdgeRNNError as error:
                _skip(skipped, board.id, error, asked)
                continue
            for engine, needed in engines_for(way, artifact, engines):
                job = Job(artifact, board, way, frames, work / str(k), engine, compiler, period_us)
                jobs.append((job, asked and needed))
    return jobs, skipped


def _skip(skipped: dict[str, str], name: str, error: EdgeRNNError, asked: bool) -> None:
    """Go on without a board of a group; one that was asked for by name has to work."""
    if asked:
        raise error
    skipped[name] = str(error).splitlines()[0].removeprefix(f"{name}: ")


def _run(jobs: Sequence[tuple[Job, bool]], progress: Any, skipped: dict[str, str]) -> list[Profile]:
    from edgernn.boards.profile import profile
    from edgernn.errors import BoardError, EngineError, MissingExtraError

    found = []
    for job, asked in jobs:
        job.work.mkdir(exist_ok=True)
        try:
            found.append(profile(job, progress))
        except (BoardError, EngineError, MissingExtraError) as error:
            name = job.board.id if job.engine in ("auto", "c") else f"{job.board.id} ({job.engine})"
            _skip(skipped, name, error, asked)
    if not found:
        raise UsageError("no board is left: " + "; ".join(f"{name}: {why}" for name, why in skipped.items()))
    return found


def _plain(profiles: Sequence[Profile], skipped: dict[str, str], over: Sequence[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "profiles": [profile.to_plain() for profile in profiles], "left_out": skipped,
        "over_budget": [asdict(excess) for excess in over],
    }  # fmt: skip
