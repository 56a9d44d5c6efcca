"""Every board description is valid, none is missing, and a wrong one is refused with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgernn.boards import Board, list_boards, load_board
from edgernn.errors import BoardError

GOOD = """
title = "A board"
kind = "mcu"
documents = ["its data sheet"]
[core]
name = "cortex-m4"
clock_hz = 100_000_000
fpu = "single"
simd = "dsp"
[memory.flash]
address = 0x0800_0000
size_bytes = 65_536
[memory.ram]
address = 0x2000_0000
size_bytes = 16_384
[toolchain]
zig_target = "thumb-freestanding-eabihf"
zig_cpu = "cortex_m4+vfp4d16sp"
gcc = "arm-none-eabi-gcc"
gcc_flags = ["-mcpu=cortex-m4"]
[emulator]
unicorn = "cortex-m4"
"""


def _write(folder: Path, text: str, name: str = "my-board") -> Path:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "board.toml").write_text(text)
    return folder / name


def test_the_boards_are_there() -> None:
    assert list_boards() == [
        "discovery-f407", "esp32-c3-devkit", "host", "microbit", "mps2-an385", "mps2-an386", "mps2-an500",
        "mps2-an505", "mps3-an547", "nrf52840-dk", "nucleo-f446re", "nucleo-h743zi", "nucleo-l4r5zi", "pico",
        "pico2", "pico2-riscv", "rpi-zero-2w", "rpi3bplus", "rpi4", "rpi5",
    ]  # fmt: skip


@pytest.mark.parametrize("name", list_boards())
def test_a_description_is_valid_and_says_where_it_comes_from(name: str) -> None:
    board = load_board(name)
    assert board.id == name
    assert (board.documents or board.kind == "host") and (board.kind != "mcu" or board.core.clock_hz >= 10**7)
    assert (board.toolchain is None) == (board.kind == "host")


def _unit_flags(board: Board) -> bool:
    """Whether zig is told about the units that its plain name of a core leaves out."""
    if board.toolchain is None:
        return True
    cpu = board.toolchain.zig_cpu
    wanted = {
        ("cortex-m4", "single"): "+vfp4d16sp",
        ("cortex-m7", "single"): "+fp_armv8d16sp",
        ("cortex-m7", "double"): "+fp_armv8d16",
        ("cortex-m33", "single"): "+dsp+fp_armv8d16sp",
        ("cortex-m55", "double"): "+mve_fp+fp_armv8d16",
    }.get((board.core.name, board.core.fpu), "")
    return cpu.endswith(wanted)


@pytest.mark.parametrize("name", list_boards())
def test_the_compiler_is_told_of_the_units_of_the_core(name: str) -> None:
    assert _unit_flags(load_board(name))


def test_a_board_of_the_users_own_is_a_folder(tmp_path: Path) -> None:
    folder = _write(tmp_path, GOOD)
    for path in (folder, folder / "board.toml", str(folder)):
        board = load_board(path)
        assert board.id == "my-board"
        assert board.memory.ram.end == 0x2000_4000
        assert board.core.family == "cortex-m"


def test_an_unknown_board_names_those_that_exist() -> None:
    with pytest.raises(BoardError, match=r"no board 'nucleo'.*nucleo-f446re"):
        load_board("nucleo")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "cortex-m4"', 'name = "cortex-m5"', r"\[core\] name: expected one of .*found 'cortex-m5'"),
        ('name = "cortex-m4"', 'name = "cortex-a72"', r"\[core\] name: expected for kind = 'mcu' one of"),
        ("clock_hz = 100_000_000", 'clock_hz = "fast"', r"\[core\] clock_hz: expected a whole number.*found 'fast'"),
        ("clock_hz = 100_000_000", "clock_hz = true", r"\[core\] clock_hz: expected a whole number.*found True"),
        ("clock_hz = 100_000_000", "", r"\[core\] clock_hz: expected a whole number .*, found nothing"),
        ("clock_hz", "clock", r"\[core\] clock_hz: .*found nothing"),
        ('simd = "dsp"', 'simd = "dsp"\ndsp = 1', r"\[core\] dsp: expected one of the keys name, .*found this"),
        ("size_bytes = 16_384", "size_bytes = 0", r"\[memory.ram\] size_bytes: .*found 0"),
        ("address = 0x2000_0000", "address = 0x0800_8000", r"\[memory\] ram: expected regions that do not overlap"),
        ("address = 0x2000_0000", "address = 0xFFFF_F000", r"\[memory.ram\] address: expected .*found 4294963200"),
        ('documents = ["its data sheet"]', "documents = [1]", r"documents: expected a list of texts, found \[1\]"),
        ("thumb-freestanding-eabihf", "riscv32-freestanding-none", r"zig_target: expected text like"),
        ("thumb-freestanding-eabihf", "thumb-freestanding-eabi", r"zig_target: expected eabihf exactly where"),
        ('unicorn = "cortex-m4"', 'unicorn = "rv32"', r"\[emulator\] unicorn: expected one of .*found 'rv32'"),
        ("[core]", "[core", r"not a TOML file"),
        ("[memory.ram]", "[memory.rom]", r"\[memory\] ram: expected a table, found nothing"),
        ("[toolchain]", "[tools]", r"toolchain: expected a table, for kind = 'mcu', found nothing"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    folder = _write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(BoardError, match=message) as caught:
        load_board(folder)
    assert str(folder / "board.toml") in str(caught.value)


def test_a_folder_whose_name_is_no_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="found 'My Board'"):
        load_board(_write(tmp_path, GOOD, "My Board"))


def test_ids_are_used_in_paths_so_they_are_plain() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in list_boards())
