"""Profiles from real boards over a serial port: cycles and stack as the board's own counter and memory tell."""

from __future__ import annotations

from collections.abc import Callable

from edgernn.boards.artifacts import build_artifact, open_artifact
from edgernn.boards.links import Counters, to_ports
from edgernn.boards.links.connect import open_link
from edgernn.boards.links.serial import SerialLink
from edgernn.boards.manifest import Board
from edgernn.boards.profile.figures import MEASURED, Figure, Profile
from edgernn.boards.profile.job import Job
from edgernn.boards.profile.memory import flash_use, ram_use

Progress = Callable[[str, int, int], None]


def profile(job: Job, progress: Progress) -> Profile:
    """Stream the frames through the model that is on the board behind ``job.way.address``.

    Flash and RAM are those of the model built for the board, without the program that answers. Raises LinkError where
    the board has another model, or none answers; what building and ``Frames.read`` raise.
    """
    board, artifact = job.board, open_artifact(job.artifact)
    progress(f"building for {board.id}", 0, 0)
    image = build_artifact(
        artifact, board, job.work / f"{artifact.name}-{board.id}.elf", job.work, compiler=job.compiler
    )
    layout = image.model()
    interface = layout.interface
    frames = to_ports(interface, job.frames.read(interface))
    link = open_link(job.way.address, interface, board)
    try:
        counters = link.stream(frames, progress).counters
    finally:
        link.close()
    cycles = _figure([c.cycles for c in counters])
    clock_hz = link.hello.clock_hz
    return Profile(
        str(job.artifact), interface.name, interface.scheme, board.id, board.core.name, clock_hz, "c",
        f"serial port {link.where}", len(counters), job.frames.description, None, cycles,
        cycles.times(1e6 / clock_hz) if cycles is not None else None, job.period_of(interface), (),
        flash_use(image, board), ram_use(image, layout, max((c.stack_bytes or 0 for c in counters), default=0)),
        board.memory.flash, board.memory.ram, extra=_extra(link),
        notes=_notes(link, cycles, board),
    )  # fmt: skip


def _figure(values: list[int | None]) -> Figure | None:
    """None where the counter does not count cycles, or a step was too long for it."""
    known = [float(value) for value in values if value is not None]
    return Figure.of(known, MEASURED) if known and len(known) == len(values) else None


def _extra(link: SerialLink) -> dict[str, int | str]:
    troubles = link.client.troubles
    return {
        "cycle_counter": link.hello.counter, "recoveries": link.recoveries, "repeats": troubles.repeats,
        "damaged": troubles.damaged, "reconnects": troubles.reconnects,
    }  # fmt: skip


def _notes(link: SerialLink, cycles: Figure | None, board: Board) -> tuple[str, ...]:
    notes, clock_hz = [], link.hello.clock_hz
    if cycles is not None and clock_hz != board.core.clock_hz:
        notes.append(
            f"its program runs the core at {clock_hz / 1e6:g} MHz, and times are told at that clock; "
            f"the highest of the data sheet is {board.core.clock_hz / 1e6:g} MHz"
        )
    if cycles is None:
        notes.append(f"its counter ({link.hello.counter}) does not count cycles of a core: no cycles, no time")
    if link.recoveries:
        notes.append(f"it was reset {link.recoveries} times; its state came back, and no frame was lost")
    return tuple(notes)


def summary_of(link: SerialLink, counters: list[Counters]) -> dict[str, object]:
    """What the steps of ``edgernn run --port`` cost, JSON-ready."""
    cycles = _figure([c.cycles for c in counters])
    stack = [c.stack_bytes for c in counters if c.stack_bytes is not None]
    return {
        "board": link.board, "port": link.where, "clock_hz": link.hello.clock_hz,
        "cycles": cycles.to_plain() if cycles is not None else None, "stack_bytes": max(stack, default=None),
        **_extra(link),
    }  # fmt: skip
