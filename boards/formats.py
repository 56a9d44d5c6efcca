"""Programs in the forms that programmers and boot loaders take: flat binary, Intel HEX, UF2, images of esptool."""

from __future__ import annotations

import importlib.util
import io
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from edgernn.boards.image import Image
from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, MissingExtraError, OutputError

FORMATS = ("elf", "bin", "hex", "uf2")
ERASED = 0xFF
MESSAGE_CHARACTERS = 2000

# UF2: blocks of 512 bytes, each with a header, at most 476 bytes of data and a last word
# (https://github.com/microsoft/uf2). The loaders of RP2040 and RP2350 take 256 bytes a block, aligned. It is written
# here because no package on PyPI does it.
UF2_HEADER = struct.Struct("<8I")
UF2_START = (0x0A32_4655, 0x9E5D_5157)
UF2_END = 0x0AB1_6F30
UF2_HAS_FAMILY = 0x2000
UF2_DATA_BYTES, UF2_PAGE_BYTES = 476, 256


def formats_of(board: Board) -> tuple[str, ...]:
    """What a program for ``board`` can be written as."""
    if board.kind != "mcu":
        return ("elf",)
    if board.flashing.boot == "esp32-c3":
        return ("elf", "bin")
    return FORMATS if board.flashing.uf2_family else FORMATS[:-1]


def convert(image: Image, board: Board, form: str) -> bytes:
    """The program of ``image`` as ``form``.

    Raises BoardError for a form that the board does not take, MissingExtraError where a package is missing,
    OutputError where esptool refuses the program.
    """
    if form not in formats_of(board):
        raise BoardError(f"{board.id}: takes no .{form}; it takes {', '.join(formats_of(board))}")
    if form == "elf":
        return Path(image.where).read_bytes()
    if form == "bin" and board.flashing.boot == "esp32-c3":
        if image.sizes.data:
            raise BoardError(
                f"{board.id}: the program has {image.sizes.data} bytes of initialised variables; its loader would "
                f"not place where the start-up code looks\n  what to do: initialise them in code"
            )
        return esp_image(Path(image.where), board.flashing.esptool)
    parts = loaded(image)
    if form == "bin":
        return binary(parts)
    return intel_hex(parts, image.entry) if form == "hex" else uf2(parts, board.flashing.uf2_family)


def loaded(image: Image) -> list[tuple[int, bytes]]:
    """What lies in flash: address and contents of each part, in order."""
    return sorted((s.load_address, s.data) for s in image.segments if s.data)


def binary(parts: list[tuple[int, bytes]]) -> bytes:
    """From the lowest address to the highest, with gaps as they are in erased flash."""
    start = parts[0][0]
    found = bytearray()
    for address, data in parts:
        found += bytes([ERASED]) * (address - start - len(found)) + data
    return bytes(found)


def intel_hex(parts: list[tuple[int, bytes]], entry: int) -> bytes:
    """Intel HEX with the entry as start address. Raises MissingExtraError without intelhex."""
    if importlib.util.find_spec("intelhex") is None:
        raise MissingExtraError("intelhex", "boards", "writing Intel HEX")
    from intelhex import IntelHex

    content = IntelHex()
    for address, data in parts:
        content.puts(address, data)
    content.start_addr = {"EIP": entry}
    text = io.StringIO()
    content.write_hex_file(text)
    return text.getvalue().encode()


def uf2(parts: list[tuple[int, bytes]], family: int) -> bytes:
    """UF2 for the loader of ``family``: whole pages, with gaps inside them as they are in erased flash."""
    pages: dict[int, bytearray] = {}
    for address, data in parts:
        for k, byte in enumerate(data, address):
            page = k - k % UF2_PAGE_BYTES
            pages.setdefault(page, bytearray([ERASED]) * UF2_PAGE_BYTES)[k - page] = byte
    blocks = (
        UF2_HEADER.pack(*UF2_START, UF2_HAS_FAMILY, page, UF2_PAGE_BYTES, number, len(pages), family)
        + bytes(data).ljust(UF2_DATA_BYTES, b"\0")
        + UF2_END.to_bytes(4, "little")
        for number, (page, data) in enumerate(sorted(pages.items()))
    )
    return b"".join(blocks)


def esp_image(elf: Path, chip: str) -> bytes:
    """What the boot loader of ESP-IDF starts, made by esptool. Raises MissingExtraError, OutputError with its words."""
    if importlib.util.find_spec("esptool") is None:
        raise MissingExtraError("esptool", "flash", f"an image for {chip}")
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        output = Path(folder) / "image.bin"
        options = ["--flash-mode", "dio", "--flash-freq", "80m", "--flash-size", "4MB", "-o", str(output)]
        command = [sys.executable, "-m", "esptool", "--chip", chip, "elf2image", *options, str(elf.resolve())]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode or not output.is_file():
            words = f"{run.stdout.strip()}\n{run.stderr.strip()}"[-MESSAGE_CHARACTERS:]
            raise OutputError(f"esptool elf2image failed with exit code {run.returncode}:\n{words}")
        return output.read_bytes()


def installed_formats(board: Board) -> tuple[list[str], list[str]]:
    """What can be written here, and for each form that cannot be, which package it needs."""
    packages = {"hex": "intelhex", **({"bin": "esptool"} if board.flashing.esptool else {})}
    able, missing = [], []
    for form in formats_of(board):
        package = packages.get(form)
        if package is None or importlib.util.find_spec(package):
            able.append(form)
        else:
            missing.append(f"no .{form}: the package {package} is not installed")
    return able, missing

