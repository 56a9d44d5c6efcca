"""``edgernn generate``."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from edgernn.cli.common.options import debug_option, engine_option, json_option
from edgernn.errors import UsageError


@click.command("generate")
@click.argument("artifact")
@engine_option
@click.option(
    "--prompt", default="", metavar="TEXT",
    help="What the text begins with; without a tokenizer in the artifact, numbers of symbols.",
)  # fmt: skip
@click.option("--length", type=click.IntRange(min=0), default=200, show_default=True, help="Symbols to write at most.")
@click.option(
    "--temperature", type=float, default=1.0, show_default=True,
    help="0 always takes the likeliest symbol; above 1, unlikely ones come more often than the model says.",
)  # fmt: skip
@click.option("--top-k", type=int, default=0, metavar="K", help="Draw from the K likeliest only.")
@click.option(
    "--top-p", type=float, default=1.0, metavar="P",
    help="Draw only from the likeliest that together have this share of the probability.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed writes the same text.")
@json_option
@debug_option
def command(
    artifact: str, engine: str, prompt: str, length: int, temperature: float, top_k: int, top_p: float, seed: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Write on after a prompt, with ARTIFACT, a model that says which symbol comes next.

    The text ends before the end symbol of the tokenizer. Integer models write the same on every engine and board.

    \b
    edgernn generate writer.so --prompt "In the beginning" --temperature 0.7 --top-k 20 --seed 3
    """
    from edgernn.runtime import load
    from edgernn.runtime.decode import Sampler, generate

    sampler = Sampler(temperature, top_k, top_p, seed)
    with load(artifact, engine) as session:
        tokenizer = session.tokenizer
        read = _symbols(prompt) if tokenizer is None else tokenizer.prompt(prompt)
        symbols = generate(session, read, length, sampler)
        used = session.engine
    text = " ".join(map(str, symbols)) if tokenizer is None else tokenizer.after(read, symbols)
    if as_json:
        plain: dict[str, Any] = {"prompt": prompt, "text": text, "symbols": symbols, "ended": len(symbols) < length}
        click.echo(json.dumps({**plain, "seed": seed, "engine": used}))
    else:
        click.echo(text if tokenizer is None else prompt + text)


def _symbols(prompt: str) -> list[int]:
    """Numbers with spaces or commas between."""
    parts = [part for part in re.split(r"[\s,]+", prompt) if part]
    if any(not part.isdecimal() for part in parts):
        raise UsageError(
            f"--prompt {prompt!r}: the artifact has no tokenizer, so symbols are numbers, such as 3,1,4\n"
            f"  what to do: export the model with --tokenizer"
        )
    return [int(part) for part in parts]
