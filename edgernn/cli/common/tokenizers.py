"""``--tokenizer``: a file, an alphabet, or bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgernn.errors import UsageError
from edgernn.ir.tokenizer import Tokenizer

if TYPE_CHECKING:
    from edgernn.api import Model

ALPHABET = "chars:"
ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


def is_file_name(text: str) -> bool:
    """Whether the option names a file."""
    return text != "bytes" and not text.startswith(ALPHABET)


def read_tokenizer(text: str) -> Tokenizer:
    """What the option says. Raises UsageError."""
    if text == "bytes":
        return Tokenizer("bytes")
    if not is_file_name(text):
        escaped = re.sub(r"\\[nt\\]", lambda found: ESCAPES[found[0]], text.removeprefix(ALPHABET))
        return Tokenizer.of_characters(escaped)
    path = Path(text)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"--tokenizer {text}: cannot be read: {error.strerror or error}; give a .json file, chars:... or bytes"
        ) from None
    except ValueError as error:
        raise UsageError(f"--tokenizer {text}: not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise UsageError(f"--tokenizer {text}: a JSON object expected, with kind and vocabulary")
    try:
        return Tokenizer.from_mapping(plain)
    except UsageError as error:
        raise UsageError(f"--tokenizer {text}: {error}") from None


def set_tokenizers(model: Model, reads: str | None, writes: str | None) -> None:
    """Give the model what ``--tokenizer`` and ``--target-tokenizer`` say. Raises UsageError."""
    if model.interface.encoder is None:
        if writes is not None:
            raise UsageError("--target-tokenizer is for an encoder with a decoder; give --tokenizer")
        if reads is not None:
            model.tokenizer = read_tokenizer(reads)
        return
    from edgernn.seq2seq_model import Seq2SeqModel

    if isinstance(model, Seq2SeqModel):
        model.source_tokenizer = None if reads is None else read_tokenizer(reads)
        model.tokenizer = None if writes is None else read_tokenizer(writes)
