"""What a program with a model takes of flash and RAM, by kind."""

from __future__ import annotations

from edgernn.boards.image import Image, ModelLayout
from edgernn.boards.manifest import Board
from edgernn.boards.profile.figures import FlashUse, RamUse
from edgernn.ir.graph import Port
from edgernn.ir.types import DTYPE_BYTES

CONSTANT_PREFIX = "k_"
TABLES = ("k_sigmoid", "k_tanh", "k_exp_minus", "k_log_1_plus")
"""Constants of a model's C file (``edgernn.export.c``): those of the functions; the others are weights."""


def flash_use(image: Image, board: Board) -> FlashUse:
    """Bytes of flash: constants of the model's C file are weights or tables, all else is code."""
    region = board.memory.constants or board.memory.flash
    objects = image.objects(region.address, region.end)
    constants = {name: size for name, size in objects.items() if name.startswith(CONSTANT_PREFIX)}
    tables = sum(size for name, size in constants.items() if name in TABLES)
    weights = sum(constants.values()) - tables
    return FlashUse(weights, tables, image.sizes.flash - weights - tables)


def ram_use(image: Image, layout: ModelLayout, stack_bytes: int) -> RamUse:
    """Bytes of RAM; ``stack_bytes`` is the deepest that a step got."""
    interface = layout.interface
    frames = sum(_nbytes(port) for port in (*interface.inputs, *interface.outputs))
    state = interface.state_bytes
    return RamUse(state, layout.state_bytes - state, image.sizes.ram, stack_bytes, frames)


def _nbytes(port: Port) -> int:
    return port.size * DTYPE_BYTES[port.dtype]
