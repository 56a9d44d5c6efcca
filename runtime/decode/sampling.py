"""Drawing a symbol from scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from edgernn.runtime.decode.arithmetic import exponents, integer_scores, philox, powers, tempered

ONE = 1 << 16
LARGEST_TEMPERATURE = 65535.0


def likeliest(scores: Any, count: int = 1, scale: float | None = None) -> list[int]:
    """The ``count`` likeliest symbols, the likeliest first; of equal scores the lower index is first."""
    integers, _ = integer_scores(scores, scale)
    return [int(k) for k in _order(integers)[:count]]


@dataclass(frozen=True)
class Sampler:
    """Chooses the next symbol. The same seed, position and scores give the same symbol, here and in C.

    temperature  0 always takes the likeliest; below 1 likely ones are taken more often than the model says
    top_k        how many of the likeliest may be taken; 0 for all
    top_p        only the likeliest may be taken that together have this share of the probability (of the top_k)

    Temperature and share are rounded to 1/65536. Raises UsageError for values out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= LARGEST_TEMPERATURE:
            raise UsageError(f"temperature is between 0 and {LARGEST_TEMPERATURE:g}, found {self.temperature!r}")
        if self.top_k < 0:
            raise UsageError(f"top_k is a number of symbols, or 0 for all, found {self.top_k!r}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p is a share above 0, at most 1, found {self.top_p!r}")
        if not 0 <= self.seed < 1 << 64:
            raise UsageError(f"a seed has 64 bits, found {self.seed!r}")

    @property
    def temperature_q16(self) -> int:
        """In units of 1/65536, as in C; not 0 unless it was 0."""
        return max(round(self.temperature * ONE), int(self.temperature > 0))

    @property
    def top_p_q16(self) -> int:
        """In units of 1/65536, as in C."""
        return max(round(self.top_p * ONE), 1)

    def choose(self, scores: Any, position: int, scale: float | None = None) -> int:
        """The symbol at ``position``, by its scores: logits, or logarithms of probabilities.

        scores  float32 [n], or int16 or int8 [n] in units of ``scale``

        Raises UsageError for other scores and positions.
        """
        if not 0 <= position < 1 << 32:
            raise UsageError(f"a position has 32 bits, found {position!r}")
        integers, unit = integer_scores(scores, scale)
        if not self.temperature:
            return int(integers.argmax())
        weights = powers(exponents(integers.max() - integers, tempered(unit, self.temperature_q16)))
        kept = self._kept(integers, weights)
        cumulated = np.cumsum(weights[kept])
        drawn = int(cumulated[-1]) * philox(self.seed, position) >> 32
        return int(kept[np.searchsorted(cumulated, np.uint64(drawn), side="right")])

    def _kept(self, scores: NDArray[np.int64], weights: NDArray[np.uint64]) -> NDArray[np.intp]:
        """The symbols that may be taken, in order."""
        if not self.top_k and self.top_p_q16 == ONE:
            return np.arange(len(scores))
        order = _order(scores)[: self.top_k or None]
        if self.top_p_q16 < ONE:
            cumulated = np.cumsum(weights[order])
            needed = -(-int(cumulated[-1]) * self.top_p_q16 // ONE)
            order = order[: int(np.searchsorted(cumulated, np.uint64(needed))) + 1]
        return np.sort(order)


def _order(scores: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")
