"""Building the program that a board runs for a host: the model behind a serial port."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgernn.boards.build import FIRMWARE, MODEL_FUNCTIONS, STACK_BYTES, build_program, find_model, model_defines
from edgernn.boards.image import Image
from edgernn.boards.manifest import SERIAL_DRIVERS, Board
from edgernn.boards.ports import ports_header
from edgernn.boards.serialport import serial_defines
from edgernn.errors import BoardError

PROTOCOL = ("layout.c", "link.c", "target.c", "serve.c")
PORTS = "edgernn_ports.h"


def build_served(
    board: Board,
    folder: Path,
    output: Path,
    *,
    functions: Sequence[str] = MODEL_FUNCTIONS,
    optimize: str = "-Os",
    compiler: str = "auto",
    stack_bytes: int = STACK_BYTES,
) -> Image:
    """As ``build_model``, with a ``main`` that answers requests over the board's serial port (docs/board-protocol.md).

    Raises BoardError for a board whose description names no serial port.
    """
    if board.serial is None:
        raise BoardError(
            f"{board.id}: its description names no serial port\n  what to do: describe it in [links.serial]"
        )
    header, name, _ = find_model(folder)
    firmware = (*PROTOCOL, SERIAL_DRIVERS[board.serial.driver])
    sources = [*(FIRMWARE / file for file in firmware), *sorted(folder.glob("*.c"))]
    with tempfile.TemporaryDirectory(prefix="edgernn-") as work:
        (Path(work) / PORTS).write_text(ports_header(header.read_text(), header.name, str(header)))
        defines = [
            *model_defines(board, folder), *serial_defines(board.serial, board.id, board.core.name),
            f'EDGERNN_PORTS="{PORTS}"',
        ]  # fmt: skip
        return build_program(
            board, sources, output, roots=[f"{name}_{function}" for function in functions], defines=defines,
            includes=[folder, Path(work)], optimize=optimize, compiler=compiler, stack_bytes=stack_bytes,
        )  # fmt: skip
