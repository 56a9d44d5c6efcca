"""How fast boards are emulated with counting on, and how long it takes to profile a model on all of them.

    python -m benchmarks.emulation [--profile model.ern --input frames.npy] [--json results.json] [--check]

The kernel is a step of an LSTM 64 to 128 in int16x8, compiled for each core. Counting is what emulators do by
themselves; tracing is what profiles need, apart for each statement; reading also counts the lines of flash that
are read.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.mcu_step import build
from benchmarks.models import Model
from benchmarks.report import console, machine, show_table, verdict, write_json
from edgernn.boards import Board, EmulatedModel, Emulator, Image, list_boards, load_board
from edgernn.boards.profile import Frames, Job, Way, profile
from edgernn.errors import EdgeRNNError

BOARDS = ("pico", "mps2-an385", "nucleo-f446re", "nucleo-h743zi", "pico2", "esp32-c3-devkit", "rpi4")
KERNEL = Model("lstm_64_128", "lstm", 64, 128)
SCHEME = "int16x8"
SECONDS = 0.6
"""Of each measurement at least."""

LINE_BYTES = 16
MIPS_LIMIT, PROFILE_LIMIT_S = 50.0, 60.0


@dataclass(frozen=True)
class Speed:
    """Millions of emulated instructions a second, the best of several runs."""

    counting: float
    tracing: float
    reading: float


def mips(board: Board, image: Image, trace: bool, line_bytes: int) -> float:
    """With one kind of counting."""
    step = f"{image.model().name}_step"
    model = EmulatedModel(Emulator(board, image, trace=step if trace else None, line_bytes=line_bytes))
    frame = {port.name: np.ones(port.shape, port.dtype) for port in model.inputs}
    best, deadline = 0.0, time.perf_counter() + SECONDS
    while time.perf_counter() < deadline:
        begin = time.perf_counter()
        instructions = model.step(**frame).cost.instructions
        best = max(best, instructions / (time.perf_counter() - begin) / 1e6)
    return best


def speed(name: str, folder: Path) -> Speed:
    """On one core."""
    board = load_board(name)
    image = build(KERNEL, SCHEME, board, folder, "-Os")
    return Speed(mips(board, image, False, 0), mips(board, image, True, 0), mips(board, image, True, LINE_BYTES))


def profile_all(artifact: Path, inputs: tuple[str, ...], folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds in all, and of each microcontroller board that this machine emulates."""
    frames, seconds = Frames(inputs), {}
    begin = time.perf_counter()
    for name in list_boards():
        board = load_board(name)
        if board.kind != "mcu":
            continue
        started = time.perf_counter()
        try:
            profile(Job(artifact, board, Way("emulator"), frames, folder), lambda *_: None)
        except EdgeRNNError as error:
            console.print(f"{name}: {str(error).splitlines()[0]}")
            continue
        seconds[name] = time.perf_counter() - started
    return time.perf_counter() - begin, seconds


@click.command(help=__doc__)
@click.option("--board", "boards", multiple=True, type=click.Choice(list_boards()), default=BOARDS)
@click.option("--profile", "artifact", type=click.Path(path_type=Path, exists=True), help="Profile this on all boards.")
@click.option("--input", "inputs", multiple=True, help="Frames for it.")
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is missed.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(
    boards: tuple[str, ...], artifact: Path | None, inputs: tuple[str, ...], check: bool, json_path: Path | None
) -> None:  # fmt: skip
    """See the module."""
    with tempfile.TemporaryDirectory() as name:
        speeds = {board: speed(board, Path(name)) for board in boards}
        rows = [[b, *(f"{value:,.0f}" for value in asdict(s).values())] for b, s in speeds.items()]
        show_table(f"Millions of instructions a second, {machine()}", ["board", "counting", "tracing", "reading"], rows)
        slowest = min(s.counting for s in speeds.values())
        enough = f"[green]>= {MIPS_LIMIT:g}[/]" if slowest >= MIPS_LIMIT else f"[red]< {MIPS_LIMIT:g}[/]"
        console.print(f"slowest while counting: {slowest:,.0f} MIPS, {enough}")
        total, seconds = profile_all(artifact, inputs, Path(name)) if artifact is not None else (0.0, {})
    if artifact is not None:
        console.print(f"{len(seconds)} boards profiled in {total:.1f} s, {verdict(total, PROFILE_LIMIT_S)}")
    plain = {"speeds": {b: asdict(s) for b, s in speeds.items()}, "profile_s": total, "boards_s": seconds}
    write_json({"machine": machine(), **plain}, json_path)
    if check and (slowest < MIPS_LIMIT or total > PROFILE_LIMIT_S):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
