"""Functions by tables, more than one of them where a function bends too much for straight lines of one length.

A table has 256 lines over all int16 arguments. Where it leaves an error above TOLERANCE, as for logarithms and roots of
small arguments, the argument is also taken 32 times as fine, saturated: f(x) - f(clip(x)) is 0 within the clipped range
and has the old table, f(clip(x)) has one of its own, and f is their sum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgernn.ir.op import Array
from edgernn.ops.integer.arithmetic import look_up
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, AddInt16, TableInt16
from edgernn.ops.integer.fit import fit_table
from edgernn.quant.context import INTEGER_MAX, Context
from edgernn.quant.fixed_point import multiplier_and_shift

FINER = 32
LEVELS = 3
"""At the third, an argument is 1024 times as fine: what a line spans is less than a unit of the first."""

TOLERANCE = 48.0
"""Units of the result, of which its range has 32,767."""

INTEGERS = np.arange(-32768.0, 32768.0)

Function = Callable[[Array], Array]
"""Real arguments, float64, to real results."""


def by_tables(ctx: Context, x: str, function: Function, scale: float, hint: str) -> str:
    """``function`` of an int16 value in units of ``scale``; results beyond what int16 holds saturate."""
    return _level(ctx, x, lambda v: _saturated(function, v, 32768 * scale), scale, hint, LEVELS)


def _level(ctx: Context, x: str, function: Function, scale: float, hint: str, levels: int) -> str:
    unit = ctx.scales[x]
    single = fit_table(lambda v: function(v * unit) / scale)
    if levels == 1 or _error(single, function(INTEGERS * unit) / scale) <= TOLERANCE:
        return _look_up(ctx, x, single, scale, hint)
    fine = ctx.rescaled(x, unit / FINER, f"{hint}_fine")
    low, high = INTEGERS[0] * unit / FINER, INTEGERS[-1] * unit / FINER

    def beyond(v: Array) -> Array:
        inside = (v >= low) & (v < -low)
        return np.where(inside, 0.0, function(v) - function(np.clip(v, low, high)))

    coarse_scale = max(scale, float(np.abs(beyond(INTEGERS * unit)).max()) / INTEGER_MAX["int16"])
    table = fit_table(lambda v: beyond(v * unit) / coarse_scale)
    coarse = _look_up(ctx, x, table, coarse_scale, f"{hint}_coarse")
    inner = _level(ctx, fine, function, scale, f"{hint}_near", levels - 1)
    (m_coarse, m_inner), shift = multiplier_and_shift([coarse_scale / scale, 1.0], MULTIPLIER_MAX + 1)
    return ctx.put(ctx.builder.add1(AddInt16("add", m_coarse, m_inner, shift), [coarse, inner], hint), scale)


def _look_up(ctx: Context, x: str, table: Array, scale: float, hint: str) -> str:
    return ctx.put(ctx.builder.add1(TableInt16(), [x, ctx.constant(table, f"{hint}_table")], hint), scale)


def _saturated(function: Function, v: Array, limit: float) -> Array:
    """Results as far as int16 can tell them apart; 0 where there is none."""
    with np.errstate(all="ignore"):
        results: Array = np.clip(np.nan_to_num(function(v), nan=0.0, posinf=limit, neginf=-limit), -limit, limit)
    return results


def _error(table: Array, wanted: Array) -> float:
    """The largest, in units of the result, of results that int16 can hold."""
    held = np.abs(wanted) < INTEGER_MAX["int16"]
    return float(np.abs(look_up(table, INTEGERS.astype(np.int16)) - wanted)[held].max(initial=0.0))
