"""Figures of profiles as text, for tables and pages."""

from __future__ import annotations

from edgernn.boards.profile.figures import Figure, Profile

NOTHING = "–"


def number(value: float) -> str:
    """Three digits at least, and no fractions of thousands."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def extent(figure: Figure) -> str:
    """The smallest and the largest, or nothing where they do not differ."""
    low, high = number(figure.minimum), number(figure.maximum)
    return f" ({low} to {high})" if low != high else ""


def figure(found: Figure | None, unit: str = "") -> str:
    """A figure, with how far off it may be."""
    if found is None:
        return NOTHING
    return " ".join(filter(None, [f"{number(found.median)}{unit}{extent(found)}", found.bound]))


def typical(found: Figure | None) -> str:
    """The median of a figure, with how far off it may be."""
    return NOTHING if found is None else " ".join(filter(None, [number(found.median), found.bound]))


def waiting(profile: Profile) -> str:
    """The longest step where each line of flash is waited for, with the error of the estimate on top."""
    time = profile.time_us
    if time is None or time.waiting is None:
        return NOTHING
    return f"estimated ≤ {number(time.upper + time.waiting)}"


def core(profile: Profile) -> str:
    """The core and its clock."""
    return f"{profile.core} {profile.clock_hz / 1e6:g} MHz" if profile.clock_hz else profile.core
