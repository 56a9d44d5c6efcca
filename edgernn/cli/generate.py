"""``edgernn generate``."""

from __future__ import annotations

import json
import re

import click

from edgernn.cli.common.options import debug_option, engine_option, json_option
from edgernn.errors import UsageError


@click.command("generate")
@click.argument("artifact")
@engine_option
@click.option(
    "--prompt", default="", metavar="TEXT",
    help="What the text begins with, or the source that an encoder reads; without a tokenizer in the artifact, numbers "
    "of symbols.",
)  # fmt: skip
@click.option("--input", "inputs", metavar="FILE", help="The source that an encoder reads: .npy, .csv, .wav.")
@click.option(
    "--length", type=click.IntRange(min=0), metavar="N",
    help="Symbols to write at most; 200 by default, or what a decoder was exported with.",
)  # fmt: skip
@click.option(
    "--temperature", type=float, metavar="T",
    help="0 always takes the likeliest symbol, as a decoder does by default; above 1, unlikely ones come more often "
    "than the model says; 1 by default.",
)  # fmt: skip
@click.option("--beam", type=click.IntRange(min=1), metavar="K", help="Of a decoder: a beam search of this width.")
@click.option("--top-k", type=int, default=0, metavar="K", help="Draw from the K likeliest only.")
@click.option(
    "--top-p", type=float, default=1.0, metavar="P",
    help="Draw only from the likeliest that together have this share of the probability.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed writes the same text.")
@json_option
@debug_option
def command(
    artifact: str, engine: str, prompt: str, inputs: str | None, length: int | None, temperature: float | None,
    beam: int | None, top_k: int, top_p: float, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Write on after a prompt, with ARTIFACT, a model that says which symbol comes next; or write what an encoder with
    a decoder makes of a source.

    The text ends before the end symbol of the tokenizer. Integer models write the same on every engine and board.

    \b
    edgernn generate writer.so --prompt "In the beginning" --temperature 0.7 --top-k 20 --seed 3
    edgernn generate translator.ern --prompt "3 march 2021" --beam 4
    """
    from edgernn.cli.common.seq2seq import source_of, written
    from edgernn.runtime import load
    from edgernn.runtime.decode import Sampler, generate
    from edgernn.runtime.seq2seq import Seq2SeqSession

    with load(artifact, engine) as session:
        if isinstance(session, Seq2SeqSession):
            sampler = Sampler(temperature or 0.0, top_k, top_p, seed)
            found = written(session, source_of(session, prompt, inputs), sampler, beam, length)
            plain = {"source": inputs or prompt, **found, "engine": session.engine}
            click.echo(json.dumps(plain) if as_json else found["text"])
            return
        if beam is not None or inputs is not None:
            raise UsageError("--beam and --input are for a model that reads a whole source: an edgernn.Seq2Seq")
        sampler, length = Sampler(1.0 if temperature is None else temperature, top_k, top_p, seed), _most(length)
        tokenizer = session.tokenizer
        read = symbols_of(prompt) if tokenizer is None else tokenizer.prompt(prompt)
        symbols = generate(session, read, length, sampler)
        used = session.engine
    text = " ".join(map(str, symbols)) if tokenizer is None else tokenizer.after(read, symbols)
    if as_json:
        plain = {"prompt": prompt, "text": text, "symbols": symbols, "ended": len(symbols) < length}
        click.echo(json.dumps({**plain, "seed": seed, "engine": used}))
    else:
        click.echo(text if tokenizer is None else prompt + text)


def _most(length: int | None) -> int:
    from edgernn.runtime.decode.generation import LENGTH

    return LENGTH if length is None else length


def symbols_of(prompt: str) -> list[int]:
    """Numbers with spaces or commas between."""
    parts = [part for part in re.split(r"[\s,]+", prompt) if part]
    if any(not part.isdecimal() for part in parts):
        raise UsageError(
            f"--prompt {prompt!r}: the artifact has no tokenizer, so symbols are numbers, such as 3,1,4\n"
            f"  what to do: export the model with --tokenizer"
        )
    return [int(part) for part in parts]
