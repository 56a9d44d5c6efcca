"""Reading typed values out of TOML, with errors that name the file, the key, what was expected and what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgernn.errors import BoardError

_REQUIRED: Any = object()


class Table:
    """One table of a TOML file. Each method takes a key out of it; ``finish`` refuses those left over."""

    def __init__(self, path: Path, name: str, data: dict[str, Any]) -> None:
        self.path, self.name = path, name
        self._left = dict(data)
        self._known: list[str] = []

    def error(self, key: str, expected: str, found: str) -> BoardError:
        """The error for ``key``."""
        where = f"[{self.name}] {key}" if self.name else key
        return BoardError(
            f"{self.path}: {where}: expected {expected}, found {found}\n"
            f"  what to do: correct the file; docs/boards.md lists every key"
        )

    def _take(self, key: str, expected: str, default: Any) -> Any:
        self._known.append(key)
        if key in self._left:
            return self._left.pop(key)
        if default is _REQUIRED:
            raise self.error(key, expected, "nothing")
        return default

    def text(self, key: str, default: str = _REQUIRED, pattern: str = ".+") -> str:
        """A string in which ``pattern`` matches everything."""
        expected = "text" if pattern == ".+" else f"text like {pattern}"
        value = self._take(key, expected, default)
        if not isinstance(value, str) or (value != default and not re.fullmatch(pattern, value, re.DOTALL)):
            raise self.error(key, expected, repr(value))
        return value

    def choice(self, key: str, choices: Sequence[str], default: str = _REQUIRED) -> str:
        """One of ``choices``."""
        expected = "one of " + ", ".join(map(repr, choices))
        value = self._take(key, expected, default)
        if value != default and value not in choices:
            raise self.error(key, expected, repr(value))
        return str(value)

    def integer(self, key: str, low: int, high: int, default: int = _REQUIRED) -> int:
        """A whole number from ``low`` to ``high``."""
        expected = f"a whole number from {low} to {high}"
        value = self._take(key, expected, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, expected, repr(value))
        return value

    def texts(self, key: str, default: tuple[str, ...] = _REQUIRED) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(key, "a list of texts", default)
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            raise self.error(key, "a list of texts", repr(value))
        return tuple(value)

    def integers(self, key: str, low: int, default: tuple[int, ...] = _REQUIRED) -> tuple[int, ...]:
        """A list of whole numbers, ``low`` or more."""
        expected = f"a list of whole numbers, {low} or more"
        value = self._take(key, expected, default)
        if not isinstance(value, list | tuple) or not all(type(v) is int and v >= low for v in value):
            raise self.error(key, expected, repr(value))
        return tuple(value)

    def table(self, key: str) -> Table:
        """A table that must be there."""
        found = self.optional_table(key)
        if found is None:
            raise self.error(key, "a table", "nothing")
        return found

    def optional_table(self, key: str) -> Table | None:
        """A table, or None."""
        value = self._take(key, "a table", None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(key, "a table", repr(value))
        return Table(self.path, f"{self.name}.{key}" if self.name else key, value)

    def tables(self) -> dict[str, Table]:
        """All keys that are left, each of which must be a table."""
        return {key: self.table(key) for key in list(self._left)}

    def finish(self) -> None:
        """Refuse keys that nothing asked for."""
        for key in self._left:
            raise self.error(key, "one of the keys " + ", ".join(self._known), "this key")
