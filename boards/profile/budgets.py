"""Budgets for what a step may cost, and whether profiles keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgernn.boards.profile.figures import ESTIMATED, Profile


@dataclass(frozen=True)
class Budgets:
    """The most that is allowed; None where anything is."""

    ram_bytes: int | None = None
    flash_bytes: int | None = None
    step_us: float | None = None


@dataclass(frozen=True)
class Excess:
    """A budget that a profile does not keep. ``found`` is None where nothing tells the figure; ``bound`` is that of an
    estimate, which ``found`` includes."""

    artifact: str
    board: str
    engine: str
    what: str
    allowed: float
    found: float | None
    bound: str = ""

    @property
    def text(self) -> str:
        """For people."""
        where = f"{self.artifact} on {self.board} ({self.engine})"
        if self.found is None:
            return f"{where}: {self.what} is not known, so that at most {self.allowed:,.10g} cannot be promised"
        bound = f", {self.bound}, all of it added," if self.bound else ""
        return f"{where}: {self.what}{bound} is {self.found:,.10g}, at most {self.allowed:,.10g} is allowed"


def _step_us(profile: Profile) -> float | None:
    """The largest; of an estimate, with its error."""
    return profile.time_us.upper if profile.time_us is not None else None


CHECKS: Sequence[tuple[str, str, Callable[[Profile], float | None]]] = (
    ("ram_bytes", "RAM in bytes", lambda p: p.ram.total if p.ram is not None else None),
    ("flash_bytes", "flash in bytes", lambda p: p.flash.total if p.flash is not None else None),
    ("step_us", "the longest step in us", _step_us),
)


def excesses(profiles: Sequence[Profile], budgets: Budgets) -> Iterator[Excess]:
    """What is over budget. The time of a step is the upper end of its estimate, without waiting for flash."""
    for profile in profiles:
        for name, what, value in CHECKS:
            allowed, found = getattr(budgets, name), value(profile)
            if allowed is not None and (found is None or found > allowed):
                estimate = profile.time_us if value is _step_us else None
                bound = estimate.bound if estimate is not None and estimate.how == ESTIMATED else ""
                yield Excess(profile.artifact, profile.board, profile.engine, what, allowed, found, bound)
