"""The boards that artifacts run on: a folder each, with a ``board.toml``; firmware for them, and emulators."""

from edgernn.boards.build import build_model, build_program
from edgernn.boards.catalog import list_boards, load_board
from edgernn.boards.emulators import (
    CallResult,
    EmulatedModel,
    Emulator,
    ProgramEmulator,
    QemuEmulator,
    Step,
    open_emulator,
)
from edgernn.boards.image import Image, ModelLayout, Sizes, read_image
from edgernn.boards.manifest import Board, Core, Emulation, Memory, Region, Toolchain

__all__ = [
    "Board",
    "CallResult",
    "Core",
    "EmulatedModel",
    "Emulation",
    "Emulator",
    "Image",
    "Memory",
    "ModelLayout",
    "ProgramEmulator",
    "QemuEmulator",
    "Region",
    "Sizes",
    "Step",
    "Toolchain",
    "build_model",
    "build_program",
    "list_boards",
    "load_board",
    "open_emulator",
    "read_image",
]
