"""Reads the documents: code blocks, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_FILE_NAME = re.compile(r"^(?:#|/\*) ([\w./-]+\.\w+)(?: \*/)?$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    file: where the reader saves it, when its first line is a comment that names a file.
    """

    document: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        found = _FILE_NAME.match(self.text.partition("\n")[0])
        return found[1] if found else None

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """The fenced blocks, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, found[2], _dedented(found[3], len(found[1])))
        for found in _FENCE.finditer(text)
    ]


def _dedented(text: str, indent: int) -> str:
    return "".join(line[indent:] if line.strip() else line for line in text.splitlines(keepends=True))


def prose(document: Path) -> str:
    """The text without fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """Targets of links."""
    return _LINK.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """The fragments that the headings give, as GitHub makes them."""
    titles = _HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def inline_code(document: Path) -> list[str]:
    """What stands in single backquotes."""
    return _CODE.findall(prose(document))


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Commands of a console block, each with the output that the document shows; \\ continues a line."""
    command, output = "", ""
    continued = False
    for line in block.text.splitlines():
        if continued or line.startswith("$ "):
            if not continued:
                if command:
                    yield command, output
                command, output = "", ""
            command += line.removeprefix("$ ").removesuffix("\\").strip(" ") + " "
            continued = line.endswith("\\")
        else:
            output += line + "\n"
    if command:
        yield command.strip(), output
