"""Profiles as one HTML page that needs nothing else: styles are inside, there are no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgernn
from edgernn.boards.profile import text
from edgernn.boards.profile.budgets import Excess
from edgernn.boards.profile.figures import NodeCost, Profile
from edgernn.boards.profile.measured import shown
from edgernn.errors import MissingExtraError

TEMPLATES = Path(__file__).with_name("templates")
COLOURS = 7
"""Of nodes; the eighth is for the whole."""


@dataclass(frozen=True)
class Part:
    """Some bytes of a memory."""

    name: str
    bytes: int
    colour: int

    def percent(self, total: int) -> float:
        """Of ``total``."""
        return 100 * self.bytes / total if total else 0.0


@dataclass(frozen=True)
class Cell:
    """One box of a flame: its share of the step, and what it says when pointed at."""

    label: str
    title: str
    percent: float
    colour: int
    kind: str


@dataclass(frozen=True)
class Row:
    """A line of the tables of costs. ``cost`` is in the unit of the view."""

    name: str
    op: str
    instructions: float
    cost: float
    percent: float
    colour: int


@dataclass(frozen=True)
class View:
    """What the page shows of one profile. ``unit`` is what ``total``, costs and shares count."""

    profile: Profile
    unit: str
    total: float
    flame: tuple[tuple[Cell, ...], ...]
    nodes: tuple[Row, ...]
    ops: tuple[Row, ...]
    flash: tuple[Part, ...]
    ram: tuple[Part, ...]
    ram_total: int


def render_page(profiles: Sequence[Profile], over: Sequence[Excess] = ()) -> str:
    """The page. Raises MissingExtraError without Jinja2."""
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("jinja2", "boards", "the HTML page") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("profile.html.jinja").render(
        title=", ".join(dict.fromkeys(f"{p.model} {p.scheme}" for p in profiles)), profiles=profiles, over=over,
        several=len({p.artifact for p in profiles}) > 1, text=text, views=[view(p) for p in profiles],
        waits=any(text.waiting(p) != text.NOTHING for p in profiles), periods=any(p.period_us for p in profiles),
        version=edgernn.__version__, shown=shown,
    )  # fmt: skip


def view(profile: Profile) -> View:
    """What the page shows of ``profile``."""
    estimated = all(node.cycles is not None for node in profile.nodes)
    unit = "estimated cycles" if estimated else "instructions"
    total = sum(cost_of(n.instructions, n.cycles, estimated) for n in profile.nodes) or 1.0
    colours = {node.name: k % COLOURS for k, node in enumerate(profile.nodes)}
    rows = tuple(_row(n.name, n.op, n.instructions, n.cycles, estimated, total, colours[n.name]) for n in profile.nodes)
    ops = tuple(_row("", op, n, c, estimated, total, 0) for op, (n, c) in profile.by_op().items())
    flash, ram = _flash(profile), _ram(profile)
    if estimated and profile.cycles is not None:
        unit = f"cycles, {profile.cycles.bound}"
    return View(
        profile, unit, total if profile.nodes else 0.0, _flame(profile.nodes, estimated, total, colours, unit), rows,
        tuple(sorted(ops, key=lambda row: -row.cost)), flash, ram, sum(part.bytes for part in ram),
    )  # fmt: skip


def cost_of(instructions: float, cycles: float | None, estimated: bool) -> float:
    """Cycles where they are estimated, otherwise instructions."""
    return cycles if estimated and cycles is not None else instructions


def _row(
    name: str, op: str, instructions: float, cycles: float | None, estimated: bool, total: float, colour: int
) -> Row:  # fmt: skip
    cost = cost_of(instructions, cycles, estimated)
    return Row(name, op, instructions, cost, 100 * cost / total, colour)


def _flame(
    nodes: Sequence[NodeCost], estimated: bool, total: float, colours: dict[str, int], unit: str
) -> tuple[tuple[Cell, ...], ...]:
    """Two levels: nodes, and below each the functions that ran for it."""
    if not nodes:
        return ()
    upper: list[Cell] = []
    lower: list[Cell] = []
    for node in nodes:
        cost = cost_of(node.instructions, node.cycles, estimated)
        upper.append(_cell(node.name, f"{node.name} ({node.op})", cost, total, colours[node.name], "node", unit))
        for name, (instructions, cycles) in node.functions.items():
            part = cost_of(instructions, cycles, estimated)
            lower.append(_cell(name, f"{node.name}: {name}", part, total, colours[node.name], "part", unit))
    return tuple(upper), tuple(lower)


def _cell(label: str, title: str, cost: float, total: float, colour: int, kind: str, unit: str) -> Cell:
    percent = 100 * cost / total
    return Cell(label, f"{title}: {text.number(cost)} {unit}, {percent:.1f} %", percent, colour, kind)


def _flash(profile: Profile) -> tuple[Part, ...]:
    if profile.flash is None:
        return ()
    use = profile.flash
    return Part("weights", use.weights, 0), Part("tables", use.tables, 2), Part("code", use.code, 1)


def _ram(profile: Profile) -> tuple[Part, ...]:
    if profile.ram is None:
        return ()
    use: Any = profile.ram
    names = {"state": "state", "scratch": "scratch", "variables": "variables", "stack": "stack"}
    parts = [Part(label, getattr(use, name), k) for k, (name, label) in enumerate(names.items())]
    return (*parts, Part("frame and answer", use.frames, 6))
