"""What the loaders in ROM want to find before they start a program.

RP2040 (data sheet, 2.8.1.3): the first 256 bytes of flash are copied to RAM and executed if their last word is the
CRC-32 of the others. RP2350 (data sheet, 5.9.5): a block of words in the first 4 kB says that this is a program, and
for which of its processors. The ESP32-C3 takes an image in a format of its own, which ``edgernn.boards.formats`` lets
esptool make of the ELF file. The other boards begin with the vector table.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache

from edgernn.errors import OutputError

SOURCES: Mapping[str, tuple[str, ...]] = {
    "none": (), "rp2040": ("boot_rp2040.c",), "rp2350-arm": ("boot_rp2350.c",), "rp2350-riscv": ("boot_rp2350.c",),
    "esp32-c3": (),
}  # fmt: skip
"""Boot -> files of the firmware."""

RESERVED_BYTES: Mapping[str, int] = {"none": 0, "rp2040": 256, "rp2350-arm": 0, "rp2350-riscv": 0, "esp32-c3": 0}
"""Boot -> bytes at the start of flash that go with the program, before its vector table."""

CHECKSUM_BYTES = 4
POLYNOMIAL = 0x04C1_1DB7


def checksum(data: bytes) -> int:
    """The CRC-32 of the RP2040's ROM: most significant bit first, starting from all ones, not inverted."""
    table, crc = _table(), 0xFFFF_FFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFF_FFFF) ^ table[crc >> 24 ^ byte]
    return crc


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 & 0xFFFF_FFFF) ^ (POLYNOMIAL if value >> 31 else 0)
        rows.append(value)
    return tuple(rows)


def with_checksum(elf: bytes, section: str) -> bytes:
    """An ELF file in which the last word of ``section`` is the checksum of what is before it.

    Raises OutputError where the section is missing or has another size than the ROM reads.
    """
    from elftools.elf.elffile import ELFFile

    found = ELFFile(io.BytesIO(elf)).get_section_by_name(section)
    expected = RESERVED_BYTES["rp2040"]
    if found is None or found["sh_size"] != expected:
        size = "no such section" if found is None else f"{found['sh_size']} bytes"
        raise OutputError(f"the program's section {section}: expected {expected} bytes, found {size}")
    start, end = found["sh_offset"], found["sh_offset"] + expected - CHECKSUM_BYTES
    return elf[:end] + checksum(elf[start:end]).to_bytes(CHECKSUM_BYTES, "little") + elf[end + CHECKSUM_BYTES :]
