"""Numbers and names as C99 text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from edgernn.ir.builder import identifier
from edgernn.ir.op import Array

C_TYPES = {"float32": "float", "int32": "int32_t", "int16": "int16_t", "int8": "int8_t", "bool": "uint8_t"}
"""dtype -> element type in C."""

_KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int",
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void",
    "volatile while asm model frames done offsetof size_t",
)
_RESERVED = frozenset(word for line in _KEYWORDS for word in line.split())
_TRAILING_ZEROS = re.compile(r"\.?0*p")


def c_prefix(text: str) -> str:
    """``text`` as what all global names of a model begin with."""
    base = identifier(text)
    return f"v_{base}" if base == "ern" or base.startswith(("_", "ern_", "ERN_")) else base


def c_name(text: str, taken: Iterable[str] = ()) -> str:
    """``text`` as a C identifier that is neither reserved nor in ``taken``."""
    base = identifier(text)
    if base in _RESERVED or base.startswith(("_", "ern_", "ERN_")) or base == "ern":
        base = f"v_{base}"
    used, name, number = set(taken), base, 1
    while name in used:
        number += 1
        name = f"{base}_{number}"
    return name


def c_float(value: float) -> str:
    """A float32 constant, exact: hexadecimal, or decimal where that is exact and short."""
    if math.isnan(value):
        return "ERN_NAN"
    if math.isinf(value):
        return "ERN_INFINITY" if value > 0 else "-ERN_INFINITY"
    if value == int(value) and abs(value) < 1e6 and (value or math.copysign(1.0, value) > 0):
        return f"{int(value)}.0f"
    return f"{_TRAILING_ZEROS.sub('p', float(value).hex(), count=1)}f"


def c_array(array: Array) -> str:
    """The elements of ``array`` as the inside of an initializer, in lines."""
    flat = array.ravel()
    items = [c_float(v) for v in flat.tolist()] if flat.dtype.kind == "f" else [str(int(v)) for v in flat]
    return "\n".join("    " + ", ".join(items[k : k + 8]) + "," for k in range(0, len(items), 8))


def c_bytes(data: bytes) -> str:
    """Bytes as the inside of an initializer, in lines."""
    return "\n".join("    " + ", ".join(map(str, data[k : k + 24])) + "," for k in range(0, len(data), 24))
