"""``edgernn boards``."""

from __future__ import annotations

import json
from typing import Any

import click

from edgernn.boards.catalog import list_boards, load_board
from edgernn.boards.formats import formats_of
from edgernn.boards.manifest import Board, Region
from edgernn.cli.common.options import debug_option, json_option


@click.group("boards", invoke_without_command=True)
@json_option
@debug_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the boards, or show one: `edgernn boards show ID`."""
    if context.invoked_subcommand is not None:
        return
    boards = [describe(load_board(name)) for name in list_boards()]
    if as_json:
        click.echo(json.dumps({"boards": boards}))
    else:
        _print_all(boards)


@command.command("show")
@click.argument("board")
@json_option
@debug_option
def show(board: str, as_json: bool) -> None:
    """Show BOARD: an id, or a folder with a board.toml."""
    found = load_board(board)
    if as_json:
        click.echo(json.dumps(describe(found)))
    else:
        _print_one(found)


def describe(board: Board) -> dict[str, Any]:
    """All of a board as plain values."""
    core = board.core
    return {
        "id": board.id, "title": board.title, "kind": board.kind,
        "core": {
            "name": core.name, "count": core.count, "clock_hz": core.clock_hz, "fpu": core.fpu, "simd": core.simd,
        },
        "memory": {name: _region(region) for name, region in board.memory.regions().items()}
        if board.kind == "mcu" else {},
        "ram_bytes": list(board.ram_bytes), "emulated_by": emulated_by(board), "formats": list(formats_of(board))
        if board.kind == "mcu" else [], "flash_tools": flash_tools(board), "documents": list(board.documents),
        "serial": _serial(board), "notes": board.notes.strip(),
    }  # fmt: skip


def _serial(board: Board) -> dict[str, Any] | None:
    """The port over which firmware answers, and the clock that it runs at."""
    port = board.serial
    return None if port is None else {"pins": port.pins, "baud": port.baud, "core_clock_hz": port.core_clock_hz}


def _region(region: Region) -> dict[str, int]:
    return {
        "address": region.address, "size_bytes": region.size_bytes, "reserved_bytes": region.reserved_bytes,
    }  # fmt: skip


def emulated_by(board: Board) -> list[str]:
    """Names of the emulators that have the board or its core."""
    emulation = board.emulation
    found = [f"Unicorn {emulation.unicorn}"] if emulation.unicorn else []
    qemu = emulation.qemu_machine or emulation.qemu_cpu
    return [*found, f"QEMU {qemu}"] if qemu else found


def flash_tools(board: Board) -> list[str]:
    """What can put a program on the board."""
    flashing = board.flashing
    known = {"uf2": flashing.uf2_board, "pyocd": flashing.pyocd, "esptool": flashing.esptool}
    return [name for name, target in known.items() if target]


def _print_all(boards: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from edgernn.cli.common.console import results

    table = Table("id", "board", "core")
    for head in ("clock", "flash", "RAM"):
        table.add_column(head, justify="right")
    table.add_column("emulated by")
    for row in boards:
        memory, core = row["memory"], row["core"]
        flash = _size(sum(memory[n]["size_bytes"] for n in ("flash", "constants") if n in memory))
        ram = _size(sum(m["size_bytes"] for n, m in memory.items() if n not in ("flash", "constants")))
        table.add_row(
            row["id"], row["title"], _core(core), _clock(core["clock_hz"]), flash,
            ram or " to ".join(dict.fromkeys(map(_size, row["ram_bytes"][:: len(row["ram_bytes"]) - 1 or 1]))),
            ", ".join(name.split()[0] for name in row["emulated_by"]) or "–",
        )  # fmt: skip
    results().print(table)


def _core(core: dict[str, Any]) -> str:
    count = f"{core['count']} x " if core["count"] > 1 else ""
    extensions = {"dsp": "DSP", "helium": "Helium", "neon": "NEON", "neon-dotprod": "NEON with SDOT"}
    extras = [extensions.get(core["simd"], "")]
    extras.append({"single": "FPU", "double": "FPU64"}.get(core["fpu"], "") if core["name"] != "host" else "")
    return " ".join([count + core["name"], *filter(None, extras)])


def _clock(hertz: int) -> str:
    return f"{hertz / 1e6:g} MHz" if hertz else ""


def _size(count: int) -> str:
    if not count:
        return ""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count / 1024:g} kB"


def _print_one(board: Board) -> None:
    from rich.markup import escape
    from rich.table import Table

    from edgernn.cli.common.console import results

    console, plain = results(), describe(board)
    click.echo(f"{board.id}  {board.title}")
    click.echo(f"{_core(plain['core'])}, {_clock(board.core.clock_hz) or 'clock unknown'}")
    if plain["memory"]:
        table = Table("memory", "address")
        table.add_column("size", justify="right")
        table.add_column("reserved", justify="right")
        for name, region in plain["memory"].items():
            reserved = f"{region['reserved_bytes']:,} B" if region["reserved_bytes"] else ""
            table.add_row(escape(name), f"{region['address']:#010x}", _size(region["size_bytes"]), reserved)
        console.print(table)
    facts = {
        "emulated by": plain["emulated_by"], "programs as": plain["formats"], "flashed by": plain["flash_tools"],
        "documents": plain["documents"],
    }  # fmt: skip
    for name, values in facts.items():
        if values:
            click.echo(f"{name}: {', '.join(values)}")
    if port := plain["serial"]:
        clock = _clock(port["core_clock_hz"])
        click.echo(f"serial port: {port['pins']}; {port['baud']:,} bits a second, core at {clock}")
    if plain["notes"]:
        click.echo(plain["notes"])
