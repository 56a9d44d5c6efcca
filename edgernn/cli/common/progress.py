"""A progress bar for what takes over a second, on terminals only."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

PATIENCE_S = 1.0


class Bar:
    """A context manager to call with (stage, done, total); total 0 where it is not known.

    Appears on standard error after a second, and leaves nothing behind.
    """

    def __init__(self, *, enabled: bool = True, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self.enabled = enabled and console.is_terminal
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
            TextColumn("{task.fields[count]}"), TimeRemainingColumn(), console=console,
            transient=True, redirect_stdout=False,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=None, count="")
        self._stage = ""
        self._timer = threading.Timer(PATIENCE_S, self._progress.start)
        self._timer.daemon = True

    def __enter__(self) -> Bar:
        if self.enabled:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.enabled:
            self._timer.cancel()
            self._timer.join()
            self._progress.stop()

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        if not self.enabled:
            return
        if stage != self._stage:
            self._stage = stage
            self._progress.reset(self._task, description=stage, total=total or None)
        count = f"{done:,} of {total:,}" if total > 1 else ""
        self._progress.update(self._task, completed=done, total=total or None, count=count)
