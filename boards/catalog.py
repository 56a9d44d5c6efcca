"""Finding and reading board descriptions."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path

from edgernn.boards.fields import Table
from edgernn.boards.manifest import (
    BOOTS,
    FAMILIES,
    FPUS,
    KINDS,
    PROCESS_MEMORY,
    SIMD,
    UNICORN_CORES,
    Board,
    Core,
    Emulation,
    Flashing,
    FlashReads,
    Memory,
    Region,
    Toolchain,
)
from edgernn.boards.serialport import read_serial
from edgernn.errors import BoardError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent
FILE = "board.toml"
ADDRESS_END = 1 << 32
ZIG_PREFIX = {"cortex-m": "thumb-", "riscv32": "riscv32-", "aarch64": "aarch64-"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def list_boards() -> list[str]:
    """The ids of all boards, in order."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{FILE}"))


def load_board(name: str | Path) -> Board:
    """The board with this id, or the one described by a folder or ``board.toml`` of the user's own.

    Raises BoardError where there is none, or where its description is wrong.
    """
    if isinstance(name, str) and _ID.fullmatch(name) and (FOLDER / name / FILE).is_file():
        return read_board(FOLDER / name / FILE)
    path = Path(name)
    if path.is_dir():
        path /= FILE
    if path.name == FILE and path.is_file():
        return read_board(path)
    raise BoardError(
        f"there is no board {str(name)!r}: boards are {', '.join(list_boards())}\n"
        f"  what to do: give one of them, or the path of a folder with a {FILE} (docs/boards.md)"
    )


def read_board(path: Path) -> Board:
    """Read and check one description; the board's id is the name of the folder. Raises BoardError."""
    try:
        data = tomllib.loads(path.read_text())
    except OSError as error:
        raise BoardError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"{path}: not a TOML file: {error}") from None
    name = path.resolve().parent.name
    if not _ID.fullmatch(name):
        raise BoardError(f"{path}: the folder's name is the board's id: expected like nucleo-f446re, found {name!r}")
    return _board(name, Table(path, "", data))


def _board(name: str, top: Table) -> Board:
    kind = top.choice("kind", KINDS)
    core = _core(top.table("core"), kind)
    toolchain = top.optional_table("toolchain")
    if toolchain is None and kind != "host":
        raise top.error("toolchain", f"a table, for kind = {kind!r}", "nothing")
    board = Board(
        name, top.text("title"), kind, core,
        _toolchain(toolchain, core) if toolchain is not None else None,
        _emulation(top.optional_table("emulator"), core),
        _memory(top.table("memory")) if kind == "mcu" else PROCESS_MEMORY,
        top.integers("ram_bytes", 1 << 20, default=()) if kind == "linux" else (),
        top.texts("documents"), top.text("notes", default=""), _flashing(top.optional_table("flashing"), kind),
        read_serial(top.optional_table("links"), kind),
    )  # fmt: skip
    top.finish()
    return board


def _core(table: Table, kind: str) -> Core:
    name = table.choice("name", tuple(FAMILIES))
    suits = {"mcu": ("cortex-m", "riscv32"), "linux": ("aarch64",), "host": ("host",)}[kind]
    if FAMILIES[name] not in suits:
        names = [core for core, family in FAMILIES.items() if family in suits]
        raise table.error("name", f"for kind = {kind!r} one of {', '.join(names)}", repr(name))
    host = kind == "host"
    core = Core(
        name,
        table.integer("count", 1, 1024, default=1),
        0 if host else table.integer("clock_hz", 1, 10**10),
        table.choice("fpu", FPUS, default="double" if host else "none"),
        table.choice("simd", SIMD, default="none"),
    )
    table.finish()
    return core


def _region(table: Table) -> Region:
    size = table.integer("size_bytes", 1, ADDRESS_END)
    region = Region(
        table.integer("address", 0, ADDRESS_END - size), size, table.integer("reserved_bytes", 0, size - 1, default=0)
    )
    table.finish()
    return region


def _memory(table: Table) -> Memory:
    constants, more = table.optional_table("constants"), table.optional_table("more")
    reads = table.optional_table("flash_reads")
    memory = Memory(
        _region(table.table("flash")),
        _region(table.table("ram")),
        _region(constants) if constants is not None else None,
        {name: _region(part) for name, part in more.tables().items()} if more is not None else None,
        _flash_reads(reads) if reads is not None else None,
    )
    ordered = sorted(memory.regions().items(), key=lambda item: item[1].address)
    for (below, low), (above, high) in itertools.pairwise(ordered):
        if low.end > high.address:
            expected = f"regions that do not overlap ({below} ends at {low.end:#010x})"
            raise table.error(above, expected, f"address = {high.address:#010x}")
    table.finish()
    return memory


def _flash_reads(table: Table) -> FlashReads:
    reads = FlashReads(table.integer("wait_cycles", 0, 10_000), table.integer("line_bytes", 4, 64))
    if reads.line_bytes & (reads.line_bytes - 1):
        raise table.error("line_bytes", "a power of two", str(reads.line_bytes))
    table.finish()
    return reads


def _toolchain(table: Table, core: Core) -> Toolchain:
    prefix = ZIG_PREFIX.get(core.family, "")
    toolchain = Toolchain(
        table.text("zig_target", pattern=f"{re.escape(prefix)}[a-z0-9_-]+"),
        table.text("zig_cpu", pattern=r"[a-z0-9_]+([+-][a-z0-9_]+)*"),
        table.text("gcc"),
        table.texts("gcc_flags"),
        table.integer("lanes", 1, 16, default=1),
    )
    if core.family == "cortex-m" and toolchain.zig_target.endswith("hf") == (core.fpu == "none"):
        expected = "eabihf exactly where core.fpu is not 'none'"
        raise table.error("zig_target", expected, f"{toolchain.zig_target!r} with core.fpu = {core.fpu!r}")
    table.finish()
    return toolchain


def _emulation(table: Table | None, core: Core) -> Emulation:
    if table is None:
        return Emulation()
    suits = tuple(name for name, family in UNICORN_CORES.items() if family == core.family)
    emulation = Emulation(
        table.choice("unicorn", suits, default=""),
        table.text("qemu_machine", default=""),
        table.text("qemu_cpu", default=""),
    )
    table.finish()
    return emulation


def _flashing(table: Table | None, kind: str) -> Flashing:
    if table is None:
        return Flashing()
    if kind != "mcu":
        raise table.error("boot", f"no table [flashing] for kind = {kind!r}", "one")
    flashing = Flashing(
        table.choice("boot", BOOTS, default="none"),
        table.integer("uf2_family", 0, ADDRESS_END - 1, default=0),
        table.text("uf2_board", default=""),
        table.text("pyocd", default=""),
        table.text("esptool", default=""),
    )
    if bool(flashing.uf2_family) != bool(flashing.uf2_board):
        raise table.error("uf2_board", "uf2_family and uf2_board, or neither", "one of them")
    table.finish()
    return flashing
