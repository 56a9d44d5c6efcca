"""What ``edgernn profile`` measures on a Raspberry Pi, in the emulated userland: all but ssh is as on a board."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import numpy as np

from edgernn.boards import load_board
from edgernn.boards.profile.measured import notes_on
from edgernn.boards.remote import Request, Shell, local_shell, measure
from edgernn.export.c import write_shared_library
from tests.boards.test_model import IN, stream
from tests.pi.emulate import SITE, interpreter
from tests.pi.write import TARGETS
from tests.support import write

BOARD = "rpi4"
STEPS = 50


def check_profile(folder: Path) -> bool:
    """Measure a model of integers there and here; whether outputs are the same, and the board is known by its name."""
    start = time.perf_counter()
    graph = stream("int16x8")[0]
    write(graph, folder / "model.ern")
    write_shared_library(graph, folder / "model.so", TARGETS[BOARD])
    shell = Shell("the emulated Pi", (), str(python_program(folder)), quoted=False)
    frames = {"x": np.random.default_rng(3).standard_normal((STEPS, IN)).astype(np.float32)}
    wanted = measure(local_shell(), Request(folder / "model.ern", "reference", frames), quiet).outputs_sha256
    wrong = [
        f"{engine}: {text}"
        for name, engine in (("model.ern", "reference"), ("model.so", "native"))
        for text in differences(shell, Request(folder / name, engine, frames, steps=STEPS), wanted)
    ]
    for text in wrong:
        print(f"{BOARD}: FAILED profile with {text}")
    print(f"{BOARD}: profile: {len(wrong)} wrong, {time.perf_counter() - start:.1f} s\n", flush=True)
    return not wrong


def differences(shell: Shell, request: Request, wanted: str) -> list[str]:
    """What is not as it should be."""
    found = measure(shell, request, quiet)
    wrong = [] if found.outputs_sha256 == wanted else [f"outputs have SHA-256 {found.outputs_sha256}, not {wanted}"]
    if found.machine["architecture"] != "aarch64" or found.engine != request.engine or not found.resident.peak:
        wrong.append(f"{found.engine} on {found.machine}, {found.resident}")
    return wrong + [note for note in notes_on(load_board(BOARD), found) if "does not say" in note]


def python_program(folder: Path) -> Path:
    """A program that is the Python of the board."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(interpreter(BOARD, [SITE], folder / "cache"))} "$@"\n')
    path.chmod(0o755)
    return path


def quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
