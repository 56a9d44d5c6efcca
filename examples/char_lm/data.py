"""The texts: messages of a program in twelve languages that share one script.

Source: the PyPI package ``Django`` 5.2.19 (BSD-3), its translations ``django/**/LC_MESSAGES/django*.po``. A message and
its translations are on one side of the split: no sentence is tested in one language that was trained on in another.
Messages with fewer than six letters ("Mar", "km") are left out, and those that a language leaves in English.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("Django", "5.2.19", "texts in twelve languages")
FOLDER = "django"
PATTERN = "**/locale/{}/LC_MESSAGES/django*.po"

LANGUAGES = ("cs", "da", "de", "es", "fi", "fr", "it", "nl", "pl", "pt", "sv", "tr")
BYTES = 256
MAX_BYTES = 96
MIN_LETTERS = 6
HELD_OUT_FIFTH = 0

_LINE = re.compile(r'(\w+(?:\[\d\])?)?\s*"(.*)"$')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Texts:
    """texts: one array int64 [T] of the bytes of UTF-8 each, T <= 96; labels: int64 [N], the index of the language."""

    texts: tuple[NDArray[np.int64], ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def train_and_held_out() -> tuple[Texts, Texts]:
    """Four fifths and one fifth of the messages, chosen by the SHA-256 of their English originals.

    Raises:
        UsageError: as ``PackagedData.files``.
    """
    sides: tuple[dict[tuple[int, str], None], dict[tuple[int, str], None]] = ({}, {})
    for label, language in enumerate(LANGUAGES):
        for path in PACKAGE.files(FOLDER, PATTERN.format(language)):
            for english, text in messages(path):
                if text != english and sum(c.isalpha() for c in text) >= MIN_LETTERS:
                    fifth = int(hashlib.sha256(english.encode()).hexdigest(), 16) % 5
                    sides[fifth == HELD_OUT_FIFTH][label, text] = None
    for key in sides[True]:
        sides[False].pop(key, None)
    return _texts(list(sides[False])), _texts(list(sides[True]))


def as_bytes(text: str) -> NDArray[np.int64]:
    """What the model reads of a text."""
    return np.frombuffer(text.encode()[:MAX_BYTES], np.uint8).astype(np.int64)


def _texts(rows: list[tuple[int, str]]) -> Texts:
    return Texts(tuple(as_bytes(text) for _, text in rows), np.asarray([label for label, _ in rows]))


def messages(path: Path) -> Iterator[tuple[str, str]]:
    """Originals and translations in a .po file, of plurals the first form; without those marked fuzzy."""
    for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            found = _LINE.match(line.strip())
            if line.startswith("#") or not found:
                continue
            key = {"msgstr[0]": "msgstr"}.get(found[1], found[1]) if found[1] else key
            fields[key] = fields.get(key, "") + _ESCAPE.sub(_unescaped, found[2])
        fuzzy = re.search(r"^#,.*\bfuzzy\b", paragraph, re.MULTILINE)
        if fields.get("msgid") and fields.get("msgstr") and not fuzzy:
            yield fields["msgid"], fields["msgstr"]


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(found[1], found[1])
