"""Numbers and names as C99 text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

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
    """The elements of ``array`` (float32 or integers) as the inside of an initializer, in lines."""
    flat = np.ascontiguousarray(array).ravel()
    items = _c_floats(flat) if flat.dtype.kind == "f" else [str(int(v)) for v in flat]
    return "\n".join("    " + ", ".join(items[k : k + 8]) + "," for k in range(0, len(items), 8))


def _c_floats(values: Array) -> list[str]:
    """As ``c_float`` of each, from the bits of them all at once."""
    bits = values.view(np.uint32)
    signs = np.where(bits >> 31, "-", "").tolist()
    exponents = ((bits >> 23 & 255).astype(np.int32) - 127).tolist()
    mantissas = ((bits & 0x7FFFFF) << 1).tolist()
    texts = [f"{s}0x1.{m:06x}p{e}f" for s, m, e in zip(signs, mantissas, exponents, strict=True)]
    for k in np.flatnonzero((bits & 0x7F800000 == 0) | (bits & 0x7F800000 == 0x7F800000)).tolist():
        texts[k] = c_float(float(values[k]))
    return texts


def c_text(text: str) -> str:
    """``text`` in UTF-8 as the inside of a string literal."""
    plain = {*map(ord, " !#$%&'()*+,-./:;<=>@[]^_`{|}~"), *range(48, 58), *range(65, 91), *range(97, 123)}
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode())


def c_bytes(data: bytes) -> str:
    """Bytes as the inside of an initializer, in lines."""
    return "\n".join("    " + ", ".join(map(str, data[k : k + 24])) + "," for k in range(0, len(data), 24))
