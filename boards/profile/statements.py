"""Which node of a model the machine code of its step belongs to, by the lines of the C file and their comments."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from typing import Any

from edgernn.boards.image import Image, Symbol
from edgernn.errors import ArtifactError, MissingExtraError

REST = ("step", "checks")
"""Node and op of what belongs to no node: checks of the frame, and the function itself."""

_COMMENT = re.compile(r"/\* (?P<node>.+): (?P<op>\S+) \*/\s*$")


class Statements:
    """The statements of the function ``step`` in ``source``, the C file of a model, as ``image`` was compiled from it.

    Raises ArtifactError for a program without line numbers.
    """

    def __init__(self, image: Image, step: Symbol, source: Path) -> None:
        low, high = step.address, step.address + step.size_bytes
        rows = sorted(row for row in line_rows(Path(image.where), source.name) if low <= row[0] < high)
        if not rows:
            raise ArtifactError(f"{image.where}: there are no line numbers for {step.name} of {source.name}")
        self._starts = [address for address, _ in rows]
        self._lines = [line for _, line in rows]
        self._text = source.read_text().splitlines()

    def before(self, address: int) -> tuple[str, str]:
        """Node and op of the instruction that ends at ``address``."""
        k = bisect_right(self._starts, address - 1) - 1
        found = _COMMENT.search(self._text[self._lines[k] - 1]) if k >= 0 else None
        return (found["node"], found["op"]) if found is not None else REST

    def order(self) -> list[tuple[str, str]]:
        """Nodes and ops of all statements, in their order in the file."""
        found = [_COMMENT.search(self._text[line - 1]) for line in sorted(set(self._lines))]
        return list(dict.fromkeys((m["node"], m["op"]) for m in found if m is not None))


def line_rows(program: Path, source: str) -> list[tuple[int, int]]:
    """Addresses where code of a line of the file named ``source`` begins, with the line, from the debug information.

    Raises MissingExtraError without pyelftools.
    """
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError:
        raise MissingExtraError("pyelftools", "boards", "reading programs for boards") from None
    with program.open("rb") as file:
        elf = ELFFile(file)
        if not elf.has_dwarf_info():
            return []
        dwarf = elf.get_dwarf_info()
        rows: list[tuple[int, int]] = []
        for unit in dwarf.iter_CUs():
            name = unit.get_top_DIE().attributes.get("DW_AT_name")
            if name is not None and Path(name.value.decode()).name == source:
                rows += _unit_rows(dwarf.line_program_for_CU(unit), source)
    return rows


def _unit_rows(lines: Any, source: str) -> list[tuple[int, int]]:
    """Rows of the unit's own file: code that was inlined from a header counts for the line before it."""
    first = 0 if lines.header.version >= 5 else 1
    files = [Path(entry.name.decode()).name for entry in lines.header.file_entry]
    states = [entry.state for entry in lines.get_entries() if entry.state is not None]
    return [
        (s.address, s.line)
        for s in states
        if s.line and not s.end_sequence and 0 <= s.file - first < len(files) and files[s.file - first] == source
    ]
