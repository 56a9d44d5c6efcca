"""Putting finished files in place."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from edgernn.errors import OutputError


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and rename it to ``path``, so that no half-written file is
    ever seen there.

    Raises OutputError, and leaves nothing behind, where that fails.
    """
    temporary = path.with_name(f".edgernn-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
        raise
