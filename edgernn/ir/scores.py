"""Scores of symbols: what one unit of integers stands for, and which models say what symbol comes next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgernn.ir.graph import Port

FLOAT_SCALE = 2.0**-16
"""Scores in float32 are rounded to this."""

FRACTION_BITS = 24
"""Of the exponents u in weights 2^-u."""

LOG2_E = 1.4426950408889634


def score_unit(scale: float) -> tuple[int, int]:
    """``scale`` log2(e) in Q.24 as (multiplier, shift): multiplier / 2^shift, with 2^30 <= multiplier < 2^31."""
    mantissa, exponent = math.frexp(scale * LOG2_E)
    multiplier = round(mantissa * 2**31)
    if multiplier == 1 << 31:
        multiplier, exponent = 1 << 30, exponent + 1
    return multiplier, 31 - FRACTION_BITS - exponent


def symbols(inputs: Sequence[Port], outputs: Sequence[Port], hop: int = 1, delay: int = 0) -> int | None:
    """How many symbols there are, of a model that reads one a step and scores each that may follow; else None."""
    if (len(inputs), len(outputs), hop, delay) != (1, 1, 1, 0):
        return None
    symbol, scores = inputs[0], outputs[0]
    reads = symbol.dtype == "int32" and symbol.kind == "frame" and symbol.size == 1 and symbol.limit == scores.size
    scored = scores.dtype == "float32" if scores.scale is None else scores.dtype in ("int16", "int8")
    return scores.size if reads and scored else None
