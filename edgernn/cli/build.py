"""``edgernn build``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from edgernn.boards.toolchain import COMPILERS
from edgernn.cli.common.options import debug_option, json_option, quiet_option
from edgernn.errors import UsageError

NOT_SERVED = "its description has no [links.serial]: the program waits, and its functions are called by a debugger"


@click.command("build")
@click.argument("artifact")
@click.option("--board", required=True, metavar="ID", help="One of `edgernn boards`, or a folder with a board.toml.")
@click.option(
    "--format",
    "formats",
    metavar="LIST",
    help="elf, bin, hex, uf2; by default all that the board takes and this machine can write.",
)
@click.option(
    "--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True, help="zig, or the board's GCC."
)
@click.option("--stack-bytes", type=click.IntRange(min=256), default=2048, show_default=True, help="RAM kept for it.")
@click.option("-o", "--output", default=".", show_default=True, metavar="DIR", help="Folder for the files.")
@json_option
@quiet_option
@debug_option
def command(
    artifact: str, board: str, formats: str | None, compiler: str, stack_bytes: int, output: str,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Compile ARTIFACT (.ern, or the .c of an exported model) to firmware for a board.

    The program answers over the board's serial port: `edgernn run` and `profile` take it with --port.

    \b
    edgernn build net.ern --board nucleo-f446re -o firmware
    """
    plain = build(Path(artifact), board, formats, compiler, stack_bytes, Path(output))
    if as_json:
        click.echo(json.dumps(plain))
    elif not quiet:
        _print(plain)


def build(
    artifact: Path, board_name: str, formats: str | None, compiler: str, stack_bytes: int, output: Path
) -> dict[str, Any]:
    """Write the files, or nothing, and tell what they hold."""
    from edgernn.boards.artifacts import build_firmware, is_served, open_artifact
    from edgernn.boards.catalog import load_board
    from edgernn.boards.formats import convert
    from edgernn.cli.common.files import staged

    board = load_board(board_name)
    forms, notes = _formats(board, formats)
    opened = open_artifact(artifact)
    with staged(output) as stage, tempfile.TemporaryDirectory(prefix="edgernn-") as work:
        elf = Path(work) / "program.elf"
        image = build_firmware(opened, board, elf, Path(work), compiler=compiler, stack_bytes=stack_bytes)
        for form in forms:
            (stage / f"{opened.name}-{board.id}.{form}").write_bytes(convert(image, board, form))
        files = [str(output / file.name) for file in sorted(stage.iterdir())]
    if not is_served(board):
        notes.append(NOT_SERVED)
    sizes = image.sizes
    return {
        "board": board.id, "files": files, "serves": is_served(board), "notes": notes,
        "flash_bytes": sizes.flash, "ram_bytes": sizes.ram, "model_bytes": image.model().state_bytes,
        "stack_bytes": stack_bytes,
    }  # fmt: skip


def _formats(board: Any, given: str | None) -> tuple[list[str], list[str]]:
    from edgernn.boards.formats import FORMATS, installed_formats

    if given is None:
        return installed_formats(board)
    names = list(dict.fromkeys(name.strip().lstrip(".") for name in given.split(",")))
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"--format: {name!r} is not a form of firmware; forms are {', '.join(FORMATS)}")
    return names, []


def _print(plain: dict[str, Any]) -> None:
    click.echo(
        f"{plain['board']}: {plain['flash_bytes']:,} B of flash, {plain['model_bytes']:,} B for the model in RAM, "
        f"{plain['stack_bytes']:,} B kept for the stack"
    )
    for file in plain["files"]:
        click.echo(file)
    for note in plain["notes"]:
        click.echo(f"note: {note}", err=True)
