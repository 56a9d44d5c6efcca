"""Where text goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console


def messages() -> Console:
    """The console for notes, tables and progress that are not the result."""
    return Console(stderr=True, highlight=False)


def results() -> Console:
    """The console for what the user asked to see."""
    return Console(highlight=False)


@contextlib.contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Text that imported user code and libraries print does not mix with the result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
