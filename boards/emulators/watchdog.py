"""Stopping an emulated program that does not return.

Unicorn's own timeout halves its speed, so a thread looks at the clock instead.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

CHECKS = 4
"""How often it looks within the limit."""


class Watchdog:
    """Calls ``stop`` when more than ``limit_s`` have passed between ``arm`` and ``disarm``."""

    def __init__(self, stop: Callable[[], object], limit_s: float) -> None:
        self._stop, self.limit_s = stop, limit_s
        self._deadline = float("inf")
        self._thread: threading.Thread | None = None

    def arm(self) -> None:
        """Start counting."""
        self._deadline = time.monotonic() + self.limit_s
        if self._thread is None:
            self._thread = threading.Thread(target=_watch, args=(weakref.ref(self), self.limit_s / CHECKS), daemon=True)
            self._thread.start()

    def disarm(self) -> bool:
        """Stop counting; whether the limit has been passed."""
        passed = time.monotonic() > self._deadline
        self._deadline = float("inf")
        return passed

    def look(self) -> None:
        """Call ``stop`` if it is late."""
        if time.monotonic() > self._deadline:
            self._stop()


def _watch(reference: weakref.ref[Watchdog], period_s: float) -> None:
    """Look regularly, until the watchdog is gone."""
    while True:
        time.sleep(period_s)
        watchdog = reference()
        if watchdog is None:
            return
        watchdog.look()
        del watchdog
