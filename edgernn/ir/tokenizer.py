"""Between texts and the numbers that a model reads and writes. Artifacts hold it, so that they need no second file."""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from edgernn.errors import ArtifactError, UsageError
from edgernn.ir.graph import Port

KINDS = ("characters", "words", "bytes")
BYTES = 256
SPECIAL = 2
"""Symbols above those of bytes, for the begin and the end."""

MAX_SYMBOLS = 1 << 20
CHECKSUM = "crc32"


@dataclass(frozen=True)
class Tokenizer:
    """Texts as numbers of symbols. Raises UsageError where its parts do not fit together.

    kind        "characters", "words" or "bytes"
    vocabulary  text of each symbol; of bytes none: a byte is its own number
    unknown     the symbol for what the vocabulary lacks; without one such a text is refused
    begin, end  symbols that stand before and after a text and have no text themselves; of bytes they may be above 255
    lowercase   whether texts are read in lower case
    marks       of words: characters that are words of their own. Words are letters and digits, with apostrophes inside;
                all else separates them
    """

    kind: str
    vocabulary: tuple[str, ...] = ()
    unknown: int | None = None
    begin: int | None = None
    end: int | None = None
    lowercase: bool = False
    marks: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"tokenizer: kinds are {', '.join(KINDS)}, found {self.kind!r:.40}")
        self._check_vocabulary()
        size = BYTES + SPECIAL if self.kind == "bytes" else len(self.vocabulary)
        for name in ("unknown", "begin", "end"):
            symbol = getattr(self, name)
            if symbol is not None and not 0 <= symbol < size:
                raise UsageError(f"tokenizer: {name} is one of the symbols 0 to {size - 1}, found {symbol!r:.40}")

    def _check_vocabulary(self) -> None:
        texts = self.vocabulary
        if (self.kind == "bytes") != (not texts) or len(texts) > MAX_SYMBOLS:
            raise UsageError(
                f"tokenizer: {self.kind} of {len(texts)} symbols; characters and words have a vocabulary, bytes none"
            )
        if len(set(texts)) != len(texts) or "" in texts:
            raise UsageError(
                f"tokenizer: the texts of symbols differ and are not empty; {_repeated(texts)!r:.40} does not"
            )
        try:
            "".join((*texts, self.marks)).encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"tokenizer: the vocabulary is no text in UTF-8: {error}") from None

    @classmethod
    def of_characters(cls, alphabet: Iterable[str], **options: Any) -> Tokenizer:
        """Each character of ``alphabet`` is a symbol; ``options`` are other fields."""
        return cls("characters", tuple(alphabet), **options)

    def __len__(self) -> int:
        """How many symbols there are."""
        if self.kind != "bytes":
            return len(self.vocabulary)
        return max(BYTES, *(1 + (symbol or 0) for symbol in (self.begin, self.end)))

    def encode(self, text: str) -> list[int]:
        """The symbols of a text, without ``begin`` and ``end``. Raises UsageError for what there is no symbol for."""
        if self.kind == "bytes":
            return list((text.lower() if self.lowercase else text).encode())
        parts, numbers, unknown = self.split(text), self._numbers, self.unknown
        if unknown is not None:
            return [numbers.get(part, unknown) for part in parts]
        missing = next((part for part in parts if part not in numbers), None)
        if missing is not None:
            raise UsageError(f"the tokenizer has no symbol for {missing!r}, and none for what is unknown")
        return [numbers[part] for part in parts]

    def split(self, text: str) -> list[str]:
        """The characters or words of a text, whether the vocabulary has them or not."""
        text = text.lower() if self.lowercase else text
        return self._pattern.findall(text) if self.kind == "words" else list(text)

    def prompt(self, text: str) -> list[int]:
        """What a model reads before it goes on with ``text``: ``begin``, then the symbols of the text."""
        return [*([] if self.begin is None else [self.begin]), *self.encode(text)]

    def decode(self, symbols: Sequence[int]) -> str:
        """The text of symbols, without those that begin and end it. Raises UsageError for what is no symbol."""
        wrong = [k for k in symbols if not 0 <= k < len(self)]
        if wrong:
            raise UsageError(f"symbols are 0 to {len(self) - 1}, found {wrong[0]}")
        shown = [int(k) for k in symbols if k not in (self.begin, self.end)]
        if self.kind == "bytes":
            return bytes(k for k in shown if k < BYTES).decode(errors="replace")
        texts = [self.vocabulary[k] for k in shown]
        return "".join(texts) if self.kind == "characters" else _sentence(texts)

    def after(self, read: Sequence[int], symbols: Sequence[int]) -> str:
        """The text that ``symbols`` add to those ``read`` before: between words there is a space, or none."""
        return self.decode([*read, *symbols]).removeprefix(self.decode(read))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.vocabulary)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        marks = f"|[{re.escape(self.marks)}]" if self.marks else ""
        return re.compile(rf"[^\W_]+(?:'[^\W_]+)*{marks}")

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, without what is as it is by default, and with a checksum."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        plain["vocabulary"] = list(self.vocabulary)
        return {**plain, CHECKSUM: _checksum(plain)}

    @classmethod
    def from_plain(cls, plain: Any, where: str) -> Tokenizer:
        """What ``to_plain`` gave. Raises ArtifactError naming ``where``."""
        if not isinstance(plain, dict) or CHECKSUM not in plain:
            raise ArtifactError(f"{where}: the tokenizer must be an object with a checksum")
        given = {name: value for name, value in plain.items() if name != CHECKSUM}
        if _checksum(given) != plain[CHECKSUM]:
            raise ArtifactError(f"{where}: the tokenizer does not match its checksum: the file is damaged")
        try:
            return cls.from_mapping(given)
        except UsageError as error:
            raise ArtifactError(f"{where}: {error}") from None

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Tokenizer:
        """From the fields by name, as JSON has them; symbols may be given by number or by text. Raises UsageError."""
        known = [f.name for f in fields(cls)]
        if unknown := [name for name in given if name not in known]:
            raise UsageError(f"tokenizer: unknown key {unknown[0]!r}; known are {', '.join(known)}")
        texts = given.get("vocabulary", [])
        if not isinstance(texts, list | tuple | str) or not all(isinstance(text, str) for text in texts):
            raise UsageError("tokenizer: the vocabulary is a list of texts")
        values = {**given, "kind": given.get("kind", ""), "vocabulary": tuple(texts)}
        for name in ("unknown", "begin", "end"):
            if isinstance(values.get(name), str) and values[name] in texts:
                values[name] = list(texts).index(values[name])
        for name, kinds in _TYPES.items():
            if name in values and type(values[name]) not in kinds:
                raise UsageError(f"tokenizer: {name} cannot be {values[name]!r}")
        return cls(**values)

    def check_ports(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
        """Raises UsageError unless a model reads, or scores, just these symbols."""
        sizes = [p.limit for p in inputs if p.limit is not None] + [p.size for p in outputs]
        if len(self) not in sizes:
            known = [(p.name, p.limit) for p in inputs if p.limit] + [(p.name, p.size) for p in outputs]
            found = ", ".join(f"{name} of {size}" for name, size in known)
            raise UsageError(f"the tokenizer has {len(self)} symbols, the model {found}")


_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,), "unknown": (int, type(None)), "begin": (int, type(None)), "end": (int, type(None)),
    "lowercase": (bool,), "marks": (str,),
}  # fmt: skip


def _checksum(plain: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(plain, sort_keys=True).encode())


def _repeated(texts: Sequence[str]) -> str:
    seen: set[str] = {""}
    return next(text for text in texts if text in seen or seen.add(text))  # type: ignore[func-returns-value]


def _sentence(words: Sequence[str]) -> str:
    """Words with spaces between, but for those before closing marks and after opening ones."""
    text, opened = "", True
    for word in words:
        category = unicodedata.category(word[0]) if len(word) == 1 else ""
        text += ("" if opened or category in ("Po", "Pe", "Pf") else " ") + word
        opened = category in ("Ps", "Pi")
    return text
