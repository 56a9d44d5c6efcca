"""A small C program for emulated boards, built once a session for each core."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from edgernn.boards import Emulator, Image, build_program, load_board

NEEDED = {"unicorn": "unicorn", "elftools": "pyelftools", "ziglang": "ziglang"}

BOARDS = ("microbit", "mps2-an385", "nucleo-f446re", "nucleo-h743zi", "mps2-an505", "esp32-c3-devkit", "rpi4", "rpi5")
"""One of each core that Unicorn emulates: M0, M3, M4F, M7, M33, rv32imc, A72, and what stands for the A76."""

MICROCONTROLLERS = BOARDS[:-2]

PROGRAM = Path(__file__).parent / "program.c"
ROOTS = (
    "weighted", "spin", "loop", "next_count", "use_stack", "recurse", "write_word", "read_word", "overwrite_table",
    "jump", "fill", "copy", "conditional", "dsp", "vector", "lookup",
)  # fmt: skip

BuildProgram = Callable[[str], Image]


@pytest.fixture(scope="session")
def boards_extra() -> None:
    """Skips where the extra is not installed."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def built(boards_extra: None, tmp_path_factory: pytest.TempPathFactory) -> BuildProgram:
    """Builds the program for a board, once."""
    folder = tmp_path_factory.mktemp("programs")

    @lru_cache
    def build(name: str) -> Image:
        return build_program(load_board(name), [PROGRAM], folder / f"{name}.elf", roots=ROOTS)

    return build


@pytest.fixture(params=BOARDS)
def emulator(request: pytest.FixtureRequest, built: BuildProgram) -> Emulator:
    """The program on each core in turn."""
    return Emulator(load_board(request.param), built(request.param))
