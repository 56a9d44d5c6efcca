"""``edgernn flash``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from edgernn.boards.flash import FORM, METHODS
from edgernn.boards.toolchain import COMPILERS
from edgernn.cli.common.options import debug_option, json_option, quiet_option
from edgernn.errors import UsageError

FIRMWARE = (".elf", ".bin", ".hex", ".uf2")
PYOCD_TAKES = (".elf", ".hex", ".bin")


@click.command("flash")
@click.argument("artifact")
@click.option("--board", required=True, metavar="ID", help="One of `edgernn boards`, or a folder with a board.toml.")
@click.option("--via", type=click.Choice(METHODS), help="The tool; by default the simplest that the board has.")
@click.option("--port", metavar="PORT", help="Serial port for esptool, which looks for one by itself otherwise.")
@click.option(
    "--drive",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Where the board's UF2 drive is mounted; searched by its INFO_UF2.TXT otherwise.",
)
@click.option("--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True, help="For an .ern or .c.")
@click.option("--dry-run", is_flag=True, help="Only build, and print what would be run.")
@json_option
@quiet_option
@debug_option
def command(
    artifact: str, board: str, via: str | None, port: str | None, drive: Path | None, compiler: str, dry_run: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Put ARTIFACT (.ern, the .c of an exported model, or firmware) on a board.

    \b
    edgernn flash net.ern --board pico
    edgernn flash net.ern --board nucleo-f446re --via pyocd --dry-run
    """
    plain = flash(Path(artifact), board, via, port, drive, compiler, dry_run)
    if as_json:
        click.echo(json.dumps(plain))
        return
    if dry_run:
        click.echo(plain["command"])
        if plain["note"]:
            click.echo(f"note: {plain['note']}", err=True)
    elif not quiet:
        click.echo(plain["done"])


def flash(
    artifact: Path, board_name: str, via: str | None, port: str | None, drive: Path | None, compiler: str, dry_run: bool
) -> dict[str, Any]:
    """Build what is to be built, plan, and unless it is a dry run carry the plan out."""
    from edgernn.boards.catalog import load_board
    from edgernn.boards.flash import carry_out, choose_method, plan

    board = load_board(board_name)
    method = choose_method(board, via)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as work:
        file = _firmware(artifact, board, method, compiler, Path(work))
        wanted = plan(board, method, file, port=port, drive=drive)
        done = "" if dry_run else carry_out(wanted, board)
        command = wanted.text.replace(f"{work}/", "")
    return {
        "board": board.id, "via": method, "command": command, "note": wanted.note, "dry_run": dry_run, "done": done,
    }  # fmt: skip


def _firmware(artifact: Path, board: Any, method: str, compiler: str, work: Path) -> Path:
    """The file that ``method`` takes: ``artifact`` itself, or built from it."""
    from edgernn.boards.artifacts import build_firmware, open_artifact
    from edgernn.boards.formats import convert

    if artifact.suffix in FIRMWARE:
        takes = PYOCD_TAKES if method == "pyocd" else (f".{FORM[method]}",)
        if artifact.suffix not in takes:
            raise UsageError(f"{artifact}: {method} takes {', '.join(takes)}")
        if not artifact.is_file():
            raise UsageError(f"{artifact}: no such file")
        return artifact
    opened = open_artifact(artifact)
    image = build_firmware(opened, board, work / f"{opened.name}-{board.id}.elf", work, compiler=compiler)
    file = work / f"{opened.name}-{board.id}.{FORM[method]}"
    file.write_bytes(convert(image, board, FORM[method]))
    return file
