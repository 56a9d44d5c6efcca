"""The boards that artifacts run on: a folder each, with a ``board.toml``."""

from edgernn.boards.catalog import list_boards, load_board
from edgernn.boards.manifest import Board, Core, Emulation, Memory, Region, Toolchain

__all__ = ["Board", "Core", "Emulation", "Memory", "Region", "Toolchain", "list_boards", "load_board"]
