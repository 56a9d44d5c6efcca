"""Where text goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

FILE_COLUMNS = 160


def results() -> Console:
    """The console for what the user asked to see. Files and pipes are as wide as tables need."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_COLUMNS
    return console


@contextlib.contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Text that imported user code and libraries print does not mix with the result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
