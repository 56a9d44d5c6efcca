"""What a step of an LSTM 64 to 128 in int16x8 may take of a board: instructions, flash, RAM and stack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.mcu_step import CORES, LIMITS, layer_program
from benchmarks.models import Model
from edgernn.boards import load_board
from edgernn.boards.profile import Frames, Job, Way, profile
from edgernn.export.ern import write

INPUTS, HIDDEN = 64, 128
ROWS, COLUMNS = 4 * HIDDEN, INPUTS + HIDDEN
BYTES_OF_A_ROW = 8
"""Its multiplier and its bias."""

FLASH_BYTES, RAM_BYTES, STACK_BYTES = 6 * 1024, 1.2 * 1024, 256


@pytest.fixture(scope="module")
def layer(boards_extra: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer as an .ern file."""
    path = tmp_path_factory.mktemp("layer") / "lstm.ern"
    write(layer_program(Model("lstm", "lstm", INPUTS, HIDDEN), "int16x8"), path)
    return path


@pytest.mark.parametrize("name", CORES)
def test_figures_of_an_integer_lstm(layer: Path, name: str, tmp_path: Path) -> None:
    if name == "mps3-an547" and shutil.which("qemu-system-arm") is None:
        pytest.skip("QEMU: qemu-system-arm is not installed")
    found = profile(Job(layer, load_board(name), Way("emulator"), Frames(steps=3), tmp_path), lambda *_: None)
    assert found.instructions is not None and found.flash is not None and found.ram is not None
    _, most = LIMITS["lstm_64_128", "int16x8", CORES[name]]
    assert found.instructions.maximum <= most
    assert ROWS * COLUMNS < found.flash.weights < ROWS * (COLUMNS + BYTES_OF_A_ROW) + 64
    assert found.flash.total <= ROWS * (COLUMNS + BYTES_OF_A_ROW) + FLASH_BYTES
    assert found.ram.state == 2 * 2 * HIDDEN
    assert found.ram.total <= RAM_BYTES and found.ram.stack <= STACK_BYTES
