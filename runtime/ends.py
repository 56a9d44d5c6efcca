"""The first and the last steps of a sequence, for models whose outputs come later than their frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.interface import LINE_STATE, LIVE_STATE, Interface
from edgernn.ir.op import Array
from edgernn.runtime.results import Result


class Ends:
    """Counts the steps to the first output, and knows whether the sequence has ended."""

    def __init__(self, interface: Interface) -> None:
        self._delay = interface.delay
        names = [s.name for s in interface.states]
        self._live, self._line = ((names.index(n) if n in names else -1) for n in (LIVE_STATE, LINE_STATE))
        self._waiting, self._ended = self._delay, False

    def late(self, step: Callable[..., Result]) -> Callable[..., Result | None]:
        """``step``, which gives None until the first output is due."""
        if self._live < 0:
            return step

        def late_step(*frames: Any, **named: Any) -> Result | None:
            if self._ended:
                raise UsageError("the sequence has ended: reset() begins another")
            result = step(*frames, **named)
            if self._waiting == 0:
                return result
            self._waiting -= 1
            return None

        return late_step

    def restart(self, states: Sequence[Array]) -> None:
        """Go on from ``states``, which say how many frames came before."""
        if self._live < 0:
            return
        self._waiting = max(0, self._delay - int(np.count_nonzero(states[self._line])))
        self._ended = not states[self._live][0]

    def ended(self, states: Sequence[Array]) -> list[Array]:
        """``states`` once no frame comes any more."""
        if self._ended:
            raise UsageError("the sequence has ended already: reset() begins another")
        return [np.zeros_like(s) if k == self._live else s for k, s in enumerate(states)]

    def close(self) -> None:
        """No step follows until ``restart``."""
        self._ended = True
