"""Reading programs for boards: ELF files, their symbols, what takes how much memory, and the model inside."""

from __future__ import annotations

import difflib
import io
import re
import struct
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from edgernn.boards.linker import INTERFACE_SECTION, LAYOUT_SECTION
from edgernn.errors import ArtifactError, MissingExtraError
from edgernn.ir.interface import Interface

MACHINES = {"EM_ARM": "cortex-m", "EM_RISCV": "riscv32", "EM_AARCH64": "aarch64"}
SUFFIX = "_interface"
LAYOUT = struct.Struct("<II")
WRITABLE, ALLOCATED, EXECUTABLE = 1, 2, 4
"""Flags of sections."""


@dataclass(frozen=True)
class Segment:
    """A part of the program: loaded at ``load_address``, used at ``address``, where it has ``memory_bytes``."""

    load_address: int
    address: int
    data: bytes
    memory_bytes: int
    executable: bool


@dataclass(frozen=True)
class Symbol:
    """A named place. ``kind`` is "function", "object" or "other"; ``visible`` to other files than its own."""

    name: str
    address: int
    size_bytes: int
    kind: str
    visible: bool


@dataclass(frozen=True)
class Sizes:
    """Bytes of a program: ``data`` lies in flash and in RAM, ``zero`` in RAM only, the rest in flash only."""

    code: int
    constants: int
    data: int
    zero: int

    @property
    def flash(self) -> int:
        """Bytes of flash in all."""
        return self.code + self.constants + self.data

    @property
    def ram(self) -> int:
        """Bytes of variables with a fixed place, without stack."""
        return self.data + self.zero


@dataclass(frozen=True)
class ModelLayout:
    """The model in a program: the prefix of its functions, its interface, and the structure of a stream."""

    name: str
    interface: Interface
    state_bytes: int
    state_alignment: int


@dataclass(frozen=True)
class Image:
    """A program as its ELF file says.

    where      names the file in messages
    entry      address of the first instruction
    symbols    those with a place in memory
    undefined  names that another object file has to define
    extra      name -> contents of the sections for the host
    models     names of the models in the program
    """

    where: str
    family: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]
    sizes: Sizes
    undefined: frozenset[str]
    extra: dict[str, bytes]
    models: tuple[str, ...]

    @cached_property
    def names(self) -> dict[str, Symbol]:
        """Name -> symbol; of several with the same name, the one that is visible to all files."""
        return {s.name: s for s in sorted(self.symbols, key=lambda s: s.visible)}

    def symbol(self, name: str) -> Symbol:
        """The symbol called ``name``. Raises ArtifactError, with the names near it."""
        found = self.names.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.names) or ["none"]
            raise ArtifactError(
                f"{self.where}: there is no symbol {name!r}; near it are {', '.join(near)}\n"
                f"  what to do: functions that nothing uses are left out of a program unless they are named as roots"
            )
        return found

    def step_of(self, model: str) -> Symbol:
        """The step of a model; of a model of whole segments, with the functions of its stages, which lie around it."""
        step = self.symbol(f"{model}_step")
        own = re.compile(rf"{re.escape(model)}_(run|stage_\d+_step)(\.\w+)*")
        parts = [step, *(s for s in self.symbols if s.kind == "function" and own.fullmatch(s.name))]
        low, high = min(s.address for s in parts), max(s.address + s.size_bytes for s in parts)
        return replace(step, address=low, size_bytes=high - low)

    @cached_property
    def _places(self) -> tuple[list[int], list[Symbol]]:
        best: dict[int, Symbol] = {}
        for s in sorted(self.symbols, key=lambda s: ("." in s.name, len(s.name), s.name), reverse=True):
            if s.kind != "other" and s.size_bytes:
                best[s.address] = s
        return sorted(best), [best[address] for address in sorted(best)]

    def at(self, address: int) -> Symbol | None:
        """The function or object that holds ``address``; of several names, the plainest."""
        starts, named = self._places
        k = bisect_right(starts, address) - 1
        return named[k] if k >= 0 and address < named[k].address + named[k].size_bytes else None

    def objects(self, low: int, high: int) -> dict[str, int]:
        """Bytes of the objects from address ``low`` to ``high``: tables and weights, where that is flash."""
        return {s.name: s.size_bytes for s in self._places[1] if s.kind == "object" and low <= s.address < high}

    def model(self) -> ModelLayout:
        """The model that ``build_model`` put in. Raises ArtifactError where there is none."""
        if len(self.models) != 1 or len(self.extra.get(LAYOUT_SECTION, b"")) != LAYOUT.size:
            raise ArtifactError(f"{self.where}: expected a program with one model, found {len(self.models)}")
        text = self.extra[INTERFACE_SECTION].rstrip(b"\0")
        state_bytes, alignment = LAYOUT.unpack(self.extra[LAYOUT_SECTION])
        return ModelLayout(self.models[0], Interface.from_json(text, self.where), state_bytes, alignment)


def read_image(path: Path) -> Image:
    """Read an ELF file. Raises ArtifactError for another or damaged file, MissingExtraError without pyelftools."""
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError:
        raise MissingExtraError("pyelftools", "boards", "reading programs for boards") from None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        elf = ELFFile(io.BytesIO(data))
        family = MACHINES.get(elf["e_machine"])
        if family is None or not elf.little_endian:
            raise ArtifactError(f"{path}: a program for {elf['e_machine']}; known are {', '.join(MACHINES)}")
        return _image(elf, str(path), family)
    except (ELFError, struct.error, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{path}: not an ELF file, or damaged: {error}") from None


def _image(elf: Any, where: str, family: str) -> Image:
    sections = list(elf.iter_sections())
    extra = {s.name: s.data() for s in sections if s.name in (INTERFACE_SECTION, LAYOUT_SECTION)}
    table = elf.get_section_by_name(".symtab")
    entries = [s for s in table.iter_symbols() if s.name and not s.name.startswith("$")] if table is not None else []
    missing = frozenset(s.name for s in entries if s["st_shndx"] == "SHN_UNDEF")
    outside = {k for k, section in enumerate(sections) if not section["sh_flags"] & ALLOCATED}
    models = tuple(s.name.removesuffix(SUFFIX) for s in entries if s["st_shndx"] in outside and s.name.endswith(SUFFIX))
    symbols = tuple(
        _symbol(s, family) for s in entries if s["st_shndx"] not in outside and s.name not in missing
    )  # fmt: skip
    entry = elf["e_entry"] & ~_thumb(family)
    return Image(where, family, entry, _segments(elf), symbols, _sizes(sections), missing, extra, models)


def _symbol(entry: Any, family: str) -> Symbol:
    kind = {"STT_FUNC": "function", "STT_OBJECT": "object"}.get(entry["st_info"]["type"], "other")
    address = entry["st_value"] & ~(_thumb(family) if kind == "function" else 0)
    visible = entry["st_info"]["bind"] != "STB_LOCAL"
    return Symbol(entry.name, address, entry["st_size"], kind, visible)


def _thumb(family: str) -> int:
    """The bit of an address that marks Thumb code."""
    return 1 if family == "cortex-m" else 0


def _segments(elf: Any) -> tuple[Segment, ...]:
    return tuple(
        Segment(s["p_paddr"], s["p_vaddr"], s.data(), s["p_memsz"], bool(s["p_flags"] & 1))
        for s in elf.iter_segments()
        if s["p_type"] == "PT_LOAD" and s["p_memsz"]
    )


def _sizes(sections: list[Any]) -> Sizes:
    """By the flags of the sections: writable and with contents is data, without is zero."""
    total = {"code": 0, "constants": 0, "data": 0, "zero": 0}
    for section in sections:
        flags = section["sh_flags"]
        if not flags & ALLOCATED:
            continue
        if section["sh_type"] == "SHT_NOBITS":
            kind = "zero"
        elif flags & WRITABLE:
            kind = "data"
        else:
            kind = "code" if flags & EXECUTABLE else "constants"
        total[kind] += section["sh_size"]
    return Sizes(**total)
