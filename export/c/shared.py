"""What the programs of one C file have in common: constants, and the kernels that they use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from edgernn.export.c.text import C_TYPES, c_array, c_name
from edgernn.ir.graph import Port
from edgernn.ir.op import Array

LARGE_BYTES = 1024


@dataclass(frozen=True)
class Constant:
    """A static object of the generated file.

    declaration  without storage class
    fields       the inside of the initializer of a structure, ...
    elements     ... or the contents of an array
    """

    name: str
    declaration: str
    nbytes: int
    fields: str = ""
    elements: Array | None = None

    @property
    def is_large(self) -> bool:
        """Whether it is worth linking from a binary file instead of compiling its text."""
        return self.elements is not None and self.nbytes >= LARGE_BYTES

    @property
    def text(self) -> str:
        """The inside of the initializer."""
        return self.fields if self.elements is None else c_array(self.elements)


@dataclass
class Shared:
    """Constants with equal contents are one.

    constants              name -> constant
    files                  names of kernel files
    parameters             names of parameters, which constants may not have
    holds_packed_integers  whether any int8 weights are packed
    """

    constants: dict[str, Constant] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    holds_packed_integers: bool = False
    _by_content: dict[tuple[str, bytes], str] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all constants."""
        return sum(c.nbytes for c in self.constants.values())

    def name_ports(self, inputs: Iterable[Port], outputs: Iterable[Port]) -> dict[str, str]:
        """Names of parameters, which constants made later avoid: "input NAME" or "output NAME" -> C identifier."""
        names: dict[str, str] = {}
        for kind, ports in (("input", inputs), ("output", outputs)):
            for port in ports:
                names[f"{kind} {port.name}"] = c_name(port.name, {*names.values(), *self.constants})
        self.parameters.update(names.values())
        return names

    def check(self, dtype: str, address: str, count: int | str, limit: int | None) -> list[tuple[str, str]]:
        """(condition that must hold, status to return otherwise) of ``count`` values; ``limit`` is of indices."""
        if dtype == "float32":
            self.files.add("ern_check.c")
            return [(f"ern_all_finite_f32({address}, {count})", "ERN_NOT_FINITE")]
        if dtype == "int32" and limit is not None:
            self.files.add("ern_check.c")
            return [(f"ern_all_between_i32({address}, {count}, 0, {limit - 1})", "ERN_OUT_OF_RANGE")]
        return []

    def array(self, array: Array, hint: str, attribute: str = "") -> str:
        """Name of the static array with these contents."""
        dense = np.ascontiguousarray(array)
        pattern = f"{C_TYPES[str(dense.dtype)]} {{}}[{dense.size}]{attribute}"
        name = self._unique(pattern, dense.tobytes(), hint)
        if name not in self.constants:
            self.constants[name] = Constant(name, pattern.format(name), dense.nbytes, elements=dense)
        return name

    def structure(self, kind: str, text: str, nbytes: int, hint: str) -> str:
        """Name of the static structure of type ``kind`` whose initializer has ``text`` inside."""
        name = self._unique(f"{kind} {{}}", text.encode(), hint)
        if name not in self.constants:
            self.constants[name] = Constant(name, f"{kind} {name}", nbytes, fields=text)
        return name

    def _unique(self, pattern: str, raw: bytes, hint: str) -> str:
        """The name of the constant with these contents: a new one near ``hint``, unless there is one already."""
        key = (pattern, hashlib.sha256(raw).digest())
        if key not in self._by_content:
            self._by_content[key] = c_name(f"k_{hint}", {*self.parameters, *self._by_content.values()})
        return self._by_content[key]
