"""Snapshot files."""

from __future__ import annotations

from pathlib import Path

from edgernn.cli.common.files import write_atomically
from edgernn.errors import SnapshotError
from edgernn.ir.ernfile import read_bytes
from edgernn.runtime.session import Session


def restore(session: Session, path: Path) -> bool:
    """Continue from the snapshot in ``path``. Returns False, doing nothing, where there is no such file."""
    if not path.exists():
        return False
    try:
        session.restore(read_bytes(path))
    except SnapshotError as error:
        raise SnapshotError(f"{path}: {error}; delete the file to start anew") from None
    return True


def save(session: Session, path: Path) -> None:
    """Replace ``path`` with the session's state. Raises OutputError."""
    write_atomically(path, session.snapshot())
