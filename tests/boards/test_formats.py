"""Firmware in every form holds what the ELF file holds, and the blocks that loaders in ROM look for."""

from __future__ import annotations

import importlib.util
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from edgernn.boards import Image, boot, build_program, formats, load_board
from edgernn.errors import BoardError, MissingExtraError, OutputError

from .conftest import PROGRAM, BuildProgram

pytestmark = pytest.mark.usefixtures("boards_extra")

SERIAL_INTERFACE, VECTORS, VECTOR_REGISTER, COPY = 0x1800_0000, 0x1000_0100, 0xE000_ED08, 0x2004_1F00


@pytest.fixture(scope="module")
def pico(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """A program for the RP2040."""
    return build_program(load_board("pico"), [PROGRAM], tmp_path_factory.mktemp("pico") / "p.elf", roots=["loop"])


def memory(image: Image) -> dict[int, int]:
    """Address -> byte of what the ELF file puts into flash."""
    return {s.load_address + k: byte for s in image.segments for k, byte in enumerate(s.data)}


def pages(blob: bytes, family: int) -> dict[int, int]:
    """Address -> byte of a UF2 file, whose blocks must be complete and in order."""
    found: dict[int, int] = {}
    count = len(blob) // 512
    assert len(blob) == 512 * count > 0
    for number in range(count):
        block = blob[512 * number : 512 * number + 512]
        first, second, flags, address, size, place, total, named = struct.unpack("<8I", block[:32])
        assert (first, second, block[-4:]) == (0x0A324655, 0x9E5D5157, struct.pack("<I", 0x0AB16F30))
        assert (flags, size, place, total, named) == (0x2000, 256, number, count, family)
        assert address % 256 == 0
        found |= {address + k: byte for k, byte in enumerate(block[32 : 32 + size])}
    return found


def test_every_form_holds_the_bytes_of_the_elf_file(pico: Image) -> None:
    intelhex = pytest.importorskip("intelhex", reason="intelhex is not installed")
    board, expected = load_board("pico"), memory(pico)
    flat = formats.convert(pico, board, "bin")
    assert {0x1000_0000 + k: flat[k] for k in range(len(flat)) if 0x1000_0000 + k in expected} == expected
    text = formats.convert(pico, board, "hex").decode()
    content = intelhex.IntelHex(io.StringIO(text))
    assert {address: content[address] for address in content.addresses()} == expected
    assert content.start_addr == {"EIP": pico.entry}
    drive = pages(formats.convert(pico, board, "uf2"), 0xE48BFF56)
    assert {address: drive[address] for address in expected} == expected
    assert {byte for address, byte in drive.items() if address not in expected} <= {0xFF}
    assert formats.convert(pico, board, "elf") == Path(pico.where).read_bytes()


def test_gaps_are_erased_flash() -> None:
    parts = [(0x100, b"ab"), (0x105, b"c")]
    assert formats.binary(parts) == b"ab\xff\xff\xffc"
    assert pages(formats.uf2([(0x1000_0001, b"x"), (0x1000_0200, b"y")], 7), 7)[0x1000_0001] == ord("x")


def test_the_checksum_is_that_of_the_rom() -> None:
    assert boot.checksum(b"123456789") == 0x0376E6E7  # the published check value of CRC-32/MPEG-2
    reflected = bytes(int(f"{b:08b}"[::-1], 2) for b in b"edgernn")
    assert boot.checksum(b"edgernn") == int(f"{zlib.crc32(reflected) ^ 0xFFFFFFFF:032b}"[::-1], 2)


def test_the_boot_loader_of_the_rp2040_sets_up_flash_and_enters_the_program(pico: Image) -> None:
    """As the ROM does: check the last word, copy to RAM, and run from there."""
    import unicorn as uc
    from unicorn import arm_const as arm

    content = bytes(memory(pico)[0x1000_0000 + k] for k in range(256))
    assert int.from_bytes(content[252:], "little") == boot.checksum(content[:252])
    machine = uc.Uc(uc.UC_ARCH_ARM, uc.UC_MODE_THUMB | uc.UC_MODE_MCLASS)
    for start, size in ((0x1000_0000, 0x10000), (0x2004_0000, 0x2000), (SERIAL_INTERFACE, 4096), (0xE000_E000, 4096)):
        machine.mem_map(start, size)
    for segment in pico.segments:
        if segment.load_address < 0x1001_0000:
            machine.mem_write(segment.load_address, segment.data)
    machine.mem_write(COPY, content)
    written: list[tuple[int, int]] = []
    machine.hook_add(uc.UC_HOOK_MEM_WRITE, lambda m, kind, at, size, value, user: written.append((at, value)))
    machine.emu_start(COPY | 1, pico.entry, count=100)
    assert machine.reg_read(arm.UC_ARM_REG_PC) == pico.entry == pico.symbol("edgernn_reset").address
    assert machine.reg_read(arm.UC_ARM_REG_SP) == pico.symbol("edgernn_stack_top").address
    registers = {at - SERIAL_INTERFACE: value for at, value in written if at & ~0xFFF == SERIAL_INTERFACE}
    assert registers == {0x00: 31 << 16 | 3 << 8, 0x04: 0, 0x08: 1, 0x14: 4, 0xF4: 3 << 24 | 2 << 8 | 6 << 2}
    enabled = [value for at, value in written if at == SERIAL_INTERFACE + 8]
    assert enabled == [0, 1] and written[0] == (SERIAL_INTERFACE + 8, 0)
    assert (VECTOR_REGISTER, VECTORS) in written


@pytest.mark.parametrize(
    ("name", "kind", "family"), [("pico2", 0x10210142, 0xE48BFF59), ("pico2-riscv", 0x11010142, 0xE48BFF5A)]
)
def test_the_rp2350_finds_the_block_of_its_processor(name: str, kind: int, family: int, tmp_path: Path) -> None:
    board = load_board(name)
    image = build_program(board, [PROGRAM], tmp_path / "p.elf", roots=["loop"])
    flat = formats.convert(image, board, "bin")
    place = flat.index(struct.pack("<I", 0xFFFFDED3))
    assert place % 4 == 0 and place + 20 <= 4096
    assert struct.unpack_from("<5I", flat, place) == (0xFFFFDED3, kind, 0x1FF, 0, 0xAB123579)
    assert pages(formats.convert(image, board, "uf2"), family)
    start = board.memory.flash.address
    if kind == 0x11010142:
        assert image.entry == start, "entered at its first byte"
    else:
        assert struct.unpack_from("<2I", flat) == (board.memory.ram.end, image.entry | 1)


def test_an_image_for_the_esp32_is_one_that_esptool_accepts(built: BuildProgram, tmp_path: Path) -> None:
    if importlib.util.find_spec("esptool") is None:
        pytest.skip("esptool is not installed")
    board = load_board("esp32-c3-devkit")
    (tmp_path / "main.c").write_text("int f(void); int f(void) { return 7; }\n")
    image = build_program(board, [tmp_path / "main.c"], tmp_path / "p.elf", roots=["f"])
    (tmp_path / "p.bin").write_bytes(formats.convert(image, board, "bin"))
    call = [sys.executable, "-m", "esptool", "--chip", "esp32c3", "image-info", str(tmp_path / "p.bin")]
    told = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert f"Entry point: {image.entry:#x}" in told and "(valid)" in told
    with pytest.raises(BoardError, match="8 bytes of initialised variables"):
        formats.convert(built("esp32-c3-devkit"), board, "bin")


def test_forms_that_a_board_does_not_take_are_refused(built: BuildProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    board, image = load_board("nucleo-f446re"), built("nucleo-f446re")
    with pytest.raises(BoardError, match=r"nucleo-f446re: takes no \.uf2; it takes elf, bin, hex"):
        formats.convert(image, board, "uf2")
    found: Any = importlib.util.find_spec
    absent = ("intelhex", "esptool")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name))
    with pytest.raises(MissingExtraError, match=r"intelhex.*edgernn\[boards\]"):
        formats.convert(image, board, "hex")
    assert formats.installed_formats(board) == (["elf", "bin"], ["no .hex: the package intelhex is not installed"])
    with pytest.raises(MissingExtraError, match=r"esptool.*edgernn\[flash\]"):
        formats.esp_image(Path("x.elf"), "esp32c3")


def test_a_program_without_its_boot_loader_is_refused(built: BuildProgram) -> None:
    with pytest.raises(OutputError, match=r"section \.edgernn\.boot: expected 256 bytes, found no such section"):
        boot.with_checksum(Path(built("microbit").where).read_bytes(), ".edgernn.boot")
