"""The tables of ``edgernn profile``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from rich.markup import escape
from rich.table import Table

from edgernn.boards.profile import Profile
from edgernn.boards.profile.text import NOTHING, core, figure, number, typical, waiting
from edgernn.cli.common.console import results
from edgernn.cli.common.measured_tables import show_measured

DETAILED = 4
"""Of more boards than this, only shares of each node are shown."""

MOST_COLUMNS = 10
"""Of nodes, where boards are rows."""


def show(profiles: Sequence[Profile]) -> None:
    """What steps cost and what memory they take, board by board; then each node, and each op where some repeat."""
    console = results()
    if measured := [p for p in profiles if p.engine != "c"]:
        show_measured(measured)
    for artifact, group in _by_artifact([p for p in profiles if p.engine == "c"]).items():
        first = group[0]
        click.echo(f"{artifact}: {first.model} {first.scheme}, {first.steps} steps over {first.input}")
        console.print(_steps(group))
        if any(p.flash for p in group):
            console.print(_memory(group))
        if seen := [p for p in group if len(p.nodes) > 1]:
            console.print(_nodes(seen))
            if any(len(p.by_op()) < len(p.nodes) for p in seen):
                console.print(_ops(seen))
        for note in dict.fromkeys(f"{p.board}: {note}" for p in group for note in p.notes):
            click.echo(note)


def _by_artifact(profiles: Sequence[Profile]) -> dict[str, list[Profile]]:
    found: dict[str, list[Profile]] = {}
    for profile in profiles:
        found.setdefault(profile.artifact, []).append(profile)
    return found


def _columns(*heads: str, texts: int = 1) -> Table:
    table = Table()
    for k, head in enumerate(heads):
        table.add_column(head, justify="left" if k < texts else "right", overflow="fold")
    return table


def _steps(profiles: Sequence[Profile]) -> Table:
    engines = any(p.engine != "c" for p in profiles)
    periods, waits = any(p.period_us for p in profiles), any(waiting(p) != NOTHING for p in profiles)
    table = _columns(
        "board", "core", *(["engine"] if engines else []), "instructions", "cycles", "us a step",
        *(["us, all flash waits"] if waits else []), *(["share of period"] if periods else []),
        texts=3 if engines else 2,
    )  # fmt: skip
    for p in profiles:
        share = [figure(p.load.times(100) if p.load else None, " %")] if periods else []
        table.add_row(
            escape(p.board), core(p), *([p.engine] if engines else []), typical(p.instructions), typical(p.cycles),
            figure(p.time_us), *([waiting(p)] if waits else []), *share,
        )  # fmt: skip
    return table


def _memory(profiles: Sequence[Profile]) -> Table:
    table = _columns("bytes", "flash", "weights", "tables", "code", "RAM", "state", "scratch", "variables", "stack")
    for p in profiles:
        if p.flash is None or p.ram is None:
            continue
        counts = (
            p.flash.total, p.flash.weights, p.flash.tables, p.flash.code, p.ram.total, p.ram.state, p.ram.scratch,
            p.ram.variables, p.ram.stack,
        )  # fmt: skip
        table.add_row(escape(p.board), *(f"{count:,}" for count in counts))
    return table


Costs = Mapping[tuple[str, ...], tuple[float, float | None]]
"""What is named in the first columns of a row -> its instructions and cycles."""


def _nodes(profiles: Sequence[Profile]) -> Table:
    """Layer by layer."""
    costs: list[Costs] = [{(n.name, n.op): (n.instructions, n.cycles) for n in p.nodes} for p in profiles]
    return _shares(("node", "op"), profiles, costs)


def _ops(profiles: Sequence[Profile]) -> Table:
    """All nodes of an op together."""
    return _shares(("op",), profiles, [{(op,): cost for op, cost in p.by_op().items()} for p in profiles])


def _shares(heads: tuple[str, ...], profiles: Sequence[Profile], costs: Sequence[Costs]) -> Table:
    keys = list(dict.fromkeys(key for found in costs for key in found))
    if len(profiles) > DETAILED and len(keys) <= MOST_COLUMNS:
        return _shares_by_board(profiles, costs, keys)
    table = _columns(*heads, *(f"{escape(p.board)}\n{_counted(p)}" for p in profiles), texts=len(heads))
    for key in keys:
        table.add_row(*map(escape, key), *(_share(found, key, len(profiles)) for found in costs))
    return table


def _shares_by_board(profiles: Sequence[Profile], costs: Sequence[Costs], keys: Sequence[tuple[str, ...]]) -> Table:
    """The same with a row for each board."""
    table = _columns("board", "share of", *(escape("\n".join(key)) for key in keys), texts=2)
    for p, found in zip(profiles, costs, strict=True):
        table.add_row(escape(p.board), _counted(p), *(_share(found, key, len(profiles)) for key in keys))
    return table


def _counted(p: Profile) -> str:
    """What is counted on this board."""
    return f"cycles {p.cycles.bound}" if p.cycles is not None else "instructions"


def _share(costs: Costs, key: tuple[str, ...], boards: int) -> str:
    if key not in costs:
        return NOTHING
    mine, total = _cost(costs[key]), sum(map(_cost, costs.values()))
    share = f"{100 * mine / total:.1f} %"
    return share if boards > DETAILED else f"{number(mine)}  {share}"


def _cost(cost: tuple[float, float | None]) -> float:
    instructions, cycles = cost
    return instructions if cycles is None else cycles
