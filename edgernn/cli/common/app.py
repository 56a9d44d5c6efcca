"""The command group. Listing the verbs imports none of them."""

from __future__ import annotations

import difflib
import importlib

import click

VERBS = {
    "export": "Convert a PyTorch model to step-by-step artifacts, each proved against it.",
    "run": "Stream frames through an artifact, one step at a time.",
    "generate": "Let a model write: symbols that it draws and reads in their turn.",
    "validate": "Compare an artifact with the PyTorch model that it came from.",
    "inspect": "Show what an artifact takes, gives and carries from step to step.",
    "boards": "List the boards, or show one.",
    "build": "Compile an artifact to firmware for a board.",
    "profile": "Tell what a step of an artifact costs on boards.",
    "verify-boards": "Stream the same frames through every emulated board, and compare.",
    "flash": "Put an artifact or firmware on a board.",
    "engines": "List the engines, whether they are installed, and what they run.",
}


class LazyGroup(click.Group):
    """Imports ``edgernn.cli.<verb>`` (``-`` being ``_``) when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"edgernn.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS:
            near = difflib.get_close_matches(args[0], VERBS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint} Commands are {', '.join(VERBS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"edgernn {version('edgernn')}")
        except PackageNotFoundError:
            click.echo("edgernn, of unknown version: it is used from a folder, not installed")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
def app() -> None:
    """Deploy recurrent PyTorch models to the edge: proved, streaming, step by step.

    \b
    edgernn export model.py:Net --input 1,T,40 --weights w.pt -o out
    edgernn run out/net.ern --input speech.npy --output y.npy
    """
