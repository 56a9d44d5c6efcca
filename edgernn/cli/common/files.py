"""Writing files so that nothing half-written stays behind."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgernn.errors import OutputError


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path``. Raises OutputError, leaving it as it was."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise _failure(path, error) from None


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder`` whose files move there at the end, unless an exception comes.

    Then ``folder`` stays as it was, and is removed if it did not exist. Raises OutputError.
    """
    created = _create(folder)
    try:
        stage = Path(tempfile.mkdtemp(prefix=".edgernn-", dir=folder))
    except OSError as error:
        _remove_empty(created)
        raise _failure(folder, error) from None
    try:
        yield stage
        _move(stage, folder)
    except BaseException as error:
        shutil.rmtree(stage, ignore_errors=True)
        _remove_empty(created)
        if isinstance(error, OSError):
            raise _failure(folder, error) from error
        raise
    shutil.rmtree(stage, ignore_errors=True)


def _create(folder: Path) -> list[Path]:
    """Make ``folder`` and its parents; return those that were made, the deepest first."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _failure(folder, error) from None
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _move(stage: Path, folder: Path) -> None:
    files = sorted(p for p in stage.iterdir())
    if taken := [folder / p.name for p in files if (folder / p.name).is_dir()]:
        raise OutputError(f"{taken[0]}: is a folder, a file is to be written there")
    for path in files:
        try:
            path.replace(folder / path.name)
        except OSError as error:
            raise _failure(folder / path.name, error) from None


def _failure(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written: {error.strerror or error}")
