"""The schemes of integer models."""

from __future__ import annotations

from dataclasses import dataclass

from edgernn.errors import UsageError


@dataclass(frozen=True)
class Scheme:
    """How the layers of a model become integers.

    weight_levels    largest weight: 127 for int8, 7 for int4
    activation_bits  of what enters a product with weights, and of ports and the h of LSTM and RNN: 16 or 8.
                     Everything else is int16 whatever the scheme.
    """

    name: str
    weight_levels: int
    activation_bits: int

    @property
    def activation_dtype(self) -> str:
        """"int16" or "int8"."""
        return f"int{self.activation_bits}"

    @property
    def activation_max(self) -> int:
        """Largest activation: 32767 or 127."""
        return (1 << (self.activation_bits - 1)) - 1


SCHEMES: dict[str, Scheme] = {
    s.name: s for s in (Scheme("int16x8", 127, 16), Scheme("int8", 127, 8), Scheme("int16x4", 7, 16))
}
"""Name -> scheme."""


def scheme_named(name: str) -> Scheme:
    """The scheme called ``name``. Raises UsageError."""
    if name not in SCHEMES:
        raise UsageError(f"scheme {name!r}; schemes are {', '.join(SCHEMES)}")
    return SCHEMES[name]
