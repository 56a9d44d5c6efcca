"""Emulators of boards: the same machine code as on the board, with exact counts."""

from edgernn.boards.emulators.machine import CallResult, Emulator
from edgernn.boards.emulators.model import EmulatedModel, Step

__all__ = ["CallResult", "EmulatedModel", "Emulator", "Step"]
