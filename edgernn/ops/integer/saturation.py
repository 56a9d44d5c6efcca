"""Where integers meet their limits: every saturation of the definition can be watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from edgernn.ir.op import Array

Observer = Callable[[str, Array, int, int], None]
"""(names of the equal parts of the last axis, values before they are clipped, smallest, largest) -> None."""

_observer: ContextVar[Observer | None] = ContextVar("saturation observer", default=None)


def saturate(x: Array, low: int, high: int, parts: str = "") -> Array:
    """``x`` clipped to ``low`` .. ``high``.

    ``parts`` tells an observer what the equal parts of the last axis are, "i f g o" for the gates of an LSTM;
    nothing for the result of an op as a whole.
    """
    observer = _observer.get()
    if observer is not None:
        observer(parts, x, low, high)
    return np.clip(x, low, high)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within the block ``observer`` sees what every ``saturate`` of this thread is given."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)
