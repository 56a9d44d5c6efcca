"""Putting several files in place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from edgernn.errors import OutputError


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write every file beside its place, and when all are complete rename them into place, in order.

    Raises OutputError, and leaves no temporary file behind, where that fails.
    """
    token = secrets.token_hex(8)
    temporary = {path: path.with_name(f".edgernn-{token}-{number}") for number, path in enumerate(files)}
    current = None
    try:
        for current, data in files.items():
            with temporary[current].open("xb") as file:
                file.write(data)
        for current in files:
            os.replace(temporary[current], current)
    except BaseException as error:
        for path in temporary.values():
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise OutputError(f"{current}: cannot be written: {error.strerror or error}") from None
        raise
