"""Flashing: the exact command, and success only where the tool or the drive reports it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgernn.boards import flash, load_board
from edgernn.errors import BoardError, LinkError, MissingExtraError, OutputError, UsageError

INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: {}\n"


def drive(folder: Path, board: str) -> Path:
    """A folder like the drive of a UF2 loader."""
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(INFO.format(board))
    return folder


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> Path:
    """A program that stands for pyocd: notes its arguments and exits with ``code``."""
    path = folder / "pyocd"
    path.write_text(f'#!/bin/sh\necho "$@" > {folder}/called\nexit {code}\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(flash.importlib.util, "find_spec", lambda name: None)
    return folder / "called"


def test_the_command_of_each_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash.importlib.util, "find_spec", lambda name: object())
    made = flash.plan(load_board("nrf52840-dk"), "pyocd", Path("a b.elf"))
    assert made.command == (sys.executable, "-m", "pyocd", "load", "--target", "nrf52840", "a b.elf")
    assert made.text == f"{sys.executable} -m pyocd load --target nrf52840 'a b.elf'" and not made.note
    esp = flash.plan(load_board("esp32-c3-devkit"), "esptool", Path("a.bin"), port="/dev/ttyACM0").command
    assert esp[3:] == ("--chip", "esp32c3", "--port", "/dev/ttyACM0", "write-flash", "0x10000", "a.bin")


def test_a_tool_that_succeeds_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called, board = tool(tmp_path, monkeypatch, 0), load_board("nucleo-f446re")
    made = flash.plan(board, "pyocd", Path("a.elf"))
    assert not called.exists(), "a plan does nothing"
    assert flash.carry_out(made, board) == "pyocd reports that the program is on nucleo-f446re"
    assert called.read_text() == "load --target stm32f446xe a.elf\n"


def test_a_tool_that_fails_is_an_error_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, monkeypatch, 3)
    board = load_board("nucleo-f446re")
    with pytest.raises(LinkError, match=r"pyocd failed with exit code 3(.|\n)*pyocd load --target stm32f446xe a.elf"):
        flash.carry_out(flash.plan(board, "pyocd", Path("a.elf")), board)
    (tmp_path / "pyocd").write_text("#!/nonexistent\n")
    with pytest.raises(LinkError, match="cannot be run"):
        flash.carry_out(flash.plan(board, "pyocd", Path("a.elf")), board)


def test_a_tool_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(flash.importlib.util, "find_spec", lambda name: None)
    board = load_board("microbit")
    made = flash.plan(board, "pyocd", Path("a.elf"))
    assert (made.text, made.note) == ("pyocd load --target nrf51 a.elf", "pyocd is not installed")
    with pytest.raises(MissingExtraError, match=r"flashing microbit needs .*'pyocd'.*edgernn\[flash\]"):
        flash.carry_out(made, board)


def test_the_drive_is_found_by_the_board_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = drive(tmp_path / "a", "RPI-RP2"), drive(tmp_path / "b", "RP2350")
    (tmp_path / "c").mkdir()
    monkeypatch.setattr(flash, "mounted", lambda: [tmp_path / "none", tmp_path / "c", first, second])
    assert (flash.find_drive("RP2350"), flash.find_drive("RPI-RP2"), flash.find_drive("X")) == (second, first, None)
    program, board = tmp_path / "p.uf2", load_board("pico2")
    program.write_bytes(b"\1\2\3")
    done = flash.carry_out(flash.plan(board, "uf2", program), board)
    assert done.startswith("copied 3 bytes to") and (second / "p.uf2").read_bytes() == b"\1\2\3"
    assert not (first / "p.uf2").exists()


def test_no_drive_another_drive_and_a_full_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "mounted", list)
    board, program = load_board("pico"), tmp_path / "p.uf2"
    program.write_bytes(b"x")
    with pytest.raises(LinkError, match=r"pico: no drive with INFO_UF2.TXT of RPI-RP2 is mounted(.|\n)*BOOTSEL"):
        flash.carry_out(flash.plan(board, "uf2", program), board)
    other = drive(tmp_path / "a", "RP2350")
    with pytest.raises(UsageError, match="expected the drive of RPI-RP2, found Board-ID 'RP2350'"):
        flash.carry_out(flash.plan(board, "uf2", program, drive=other), board)
    with pytest.raises(UsageError, match=r"found no INFO_UF2.TXT"):
        flash.carry_out(flash.plan(board, "uf2", program, drive=tmp_path), board)
    right = drive(tmp_path / "b", "RPI-RP2")
    (right / "p.uf2").mkdir()
    with pytest.raises(OutputError, match=r"p\.uf2: cannot be written"):
        flash.carry_out(flash.plan(board, "uf2", program, drive=right), board)


def test_boards_say_how_they_are_flashed() -> None:
    assert flash.methods_of(load_board("pico")) == ("uf2", "pyocd")
    assert flash.choose_method(load_board("pico"), None) == "uf2"
    assert flash.choose_method(load_board("pico"), "pyocd") == "pyocd"
    with pytest.raises(BoardError, match="nucleo-f446re: cannot be flashed via uf2; it can via pyocd"):
        flash.choose_method(load_board("nucleo-f446re"), "uf2")
    with pytest.raises(BoardError, match="mps2-an385: nothing here can flash it"):
        flash.choose_method(load_board("mps2-an385"), None)


def test_mounted_drives_are_those_of_the_system() -> None:
    assert all(isinstance(place, Path) for place in flash.mounted())
