"""Profiles from machines that run Linux: this one, and boards over ssh. Every figure is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgernn.boards.manifest import Board
from edgernn.boards.profile.figures import MEASURED, Figure, Profile
from edgernn.boards.profile.job import Job, Way, segment_notes
from edgernn.boards.profile.text import number
from edgernn.boards.remote import Request, Shell, local_shell, measure, ssh_shell
from edgernn.boards.remote.report import Measured
from edgernn.errors import BoardError
from edgernn.ir.interface import Interface
from edgernn.runtime.describe import read_interface
from edgernn.runtime.engines import ENGINES_OF_SUFFIX

Progress = Callable[[str, int, int], None]
NOT_AVAILABLE = "not available"


def profile(job: Job, progress: Progress) -> Profile:
    """Run the artifact there as a user's program does, and tell what that took.

    Raises BoardError for a file that no engine runs, what ``edgernn.boards.remote.measure`` raises, and what
    ``Frames.read`` does.
    """
    if job.artifact.suffix not in ENGINES_OF_SUFFIX:
        suffixes = ", ".join(ENGINES_OF_SUFFIX)
        raise BoardError(f"{job.board.id}: runs {suffixes} files; {job.artifact} is none of them")
    interface = read_interface(job.artifact).whole_segment()
    shell = shell_of(job.way)
    static = tuple(port.name for port in interface.inputs if port.kind == "static")
    request = Request(job.artifact, job.engine, job.frames.read(interface), static)
    return _report(job, interface, shell, measure(shell, request, progress))


def shell_of(way: Way) -> Shell:
    """The shell at the end of a way."""
    return ssh_shell(way.address, way.options, way.python) if way.kind == "ssh" else local_shell()


def _report(job: Job, interface: Interface, shell: Shell, found: Measured) -> Profile:
    board, latency = job.board, found.latency
    hertz = (found.frequency or {}).get("hertz") or 0
    model = found.machine["model"] or found.machine["architecture"]
    return Profile(
        str(job.artifact), interface.name, interface.scheme, board.id, model, hertz, found.engine,
        f"measured on {shell.where}", latency.steps, job.frames.description,
        time_us=Figure(latency.min, latency.p50, latency.max, MEASURED), period_us=job.period_of(interface),
        extra=found.to_plain(), notes=(*segment_notes(interface), *notes_on(board, found)),
    )  # fmt: skip


def notes_on(board: Board, found: Measured) -> list[str]:
    """What may make the figures those of something else than the board at its full speed."""
    machine, notes = found.machine, []
    if board.kind == "linux" and not is_board(board, machine["model"]):
        notes.append(f"the machine does not say that it is a {board.title}, but {machine['model'] or 'nothing'}")
    if machine["load_average"] > machine["cores"]:
        notes.append(f"other programs were running: load {machine['load_average']:.1f} on {machine['cores']} cores")
    for name, when in (("now", "right after the steps"), ("since_start", "since it started")):
        limits = (found.throttled or {}).get(name, ())
        if limits:
            notes.append(f"its processor is limited, {when}: {', '.join(limits)}")
    return notes


def shown(extra: Mapping[str, Any]) -> dict[str, str]:
    """What the page shows of ``Profile.extra``: label -> text."""
    if "latency_us" not in extra:
        return {name: str(value) for name, value in extra.items()}
    latency, resident, imports = extra["latency_us"], extra["resident_bytes"], extra["imports"]
    megabytes = {name: NOT_AVAILABLE if count is None else f"{count / 1e6:.0f} MB" for name, count in resident.items()}
    return {
        "µs, 90th and 99th percentile": f"{number(latency['p90'])}, {number(latency['p99'])}",
        "import": f"{number(sum(imports.values()))} ms",
        "load": f"{number(extra['load_ms'])} ms, at first {number(extra['first_load_ms'])} ms",
        "resident memory": f"{megabytes['peak']} at most, {megabytes['before']} before loading",
        "clock": _clock(extra["frequency"]),
        "temperature": _temperatures(extra["temperature_before"], extra["temperature_after"]),
        "throttling": _throttled(extra["throttled"]),
        "SHA-256 of the outputs": extra["outputs_sha256"][:16],
    }


def is_board(board: Board, model: str | None) -> bool:
    """Whether a device tree names this board: "Raspberry Pi 3 Model B Plus Rev 1.3" is the 3 Model B+."""
    return (model or "").startswith(board.title.replace("+", " Plus"))


def facts(profiles: Sequence[Profile]) -> list[str]:
    """What a machine tells of itself after the last of its profiles, for people, one sentence each."""
    extra = profiles[-1].extra
    machine, versions = extra["machine"], {k: v for p in profiles for k, v in p.extra["versions"].items()}
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [
        f"{machine['model'] or machine['architecture']}, {machine['cores']} cores, {machine['system'] or 'Linux'}, "
        f"kernel {machine['kernel']}, Python {machine['python']}, {packages}",
        f"clock: {_clock(extra['frequency'])}",
        f"temperature: {_temperatures(profiles[0].extra['temperature_before'], extra['temperature_after'])}",
        f"throttling: {_throttled(extra['throttled'])}",
    ]  # fmt: skip



def _clock(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return NOT_AVAILABLE
    most = f" of {found['max_hertz'] / 1e6:,.0f}" if found["max_hertz"] else ""
    return f"{found['hertz'] / 1e6:,.0f}{most} MHz, governor {found['governor'] or 'unknown'}"


def _temperatures(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None or after is None:
        return NOT_AVAILABLE
    return f"{before['celsius']:.1f} °C before, {after['celsius']:.1f} °C after the steps"


def _throttled(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return NOT_AVAILABLE
    now, since = (", ".join(found[name]) or "none" for name in ("now", "since_start"))
    return f"{now} now, {since} since the board started"


def engines_for(way: Way, artifact: Path, wanted: Sequence[str]) -> list[tuple[str, bool]]:
    """The engines that are to run a file, and whether each has to be installed there.

    Compiled C needs none: "c". "all" is every engine that runs such a file. Of several engines those are left out
    that run other files, unless all do.
    """
    if way.kind not in ("local", "ssh"):
        return [("c", True)]
    able = ENGINES_OF_SUFFIX.get(artifact.suffix, ())
    found: dict[str, bool] = {}
    for name in wanted:
        if name == "all":
            found |= {engine: False for engine in able if engine not in found}
        elif name == "auto" or name in able:
            found[name] = True
    return list(found.items()) or [(name, True) for name in wanted]
