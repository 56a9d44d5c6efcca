"""Emulators of boards: the same machine code as on the board, with exact counts."""

from edgernn.boards.emulators.calls import CallResult, ProgramEmulator
from edgernn.boards.emulators.machine import Emulator
from edgernn.boards.emulators.model import EmulatedModel, Step
from edgernn.boards.emulators.qemu import QemuProcess
from edgernn.boards.emulators.qemu_machine import QemuEmulator, open_emulator

__all__ = [
    "CallResult",
    "EmulatedModel",
    "Emulator",
    "ProgramEmulator",
    "QemuEmulator",
    "QemuProcess",
    "Step",
    "open_emulator",
]
