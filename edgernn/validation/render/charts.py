"""Plots as SVG that takes its colours from the page: ``--series-0`` to ``--series-7``, ``--ink``, ``--grid``.

Line and bar charts are HALF wide, range charts FULL: the page shows them at about that many pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FULL, HALF = 960, 466
HEIGHT = 250
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 44
ROW = 28
COLOURS = 8


@dataclass(frozen=True)
class Series:
    """One line of a plot.

    points  (x, y) in order of x; y zero is drawn on the line marked "0", below all decades
    """

    label: str
    colour: int
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Range:
    """One row of ``range_chart``: a bar from low to high with a mark between."""

    label: str
    colour: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Bar:
    """One row of ``bar_chart``."""

    label: str
    value: float
    text: str
    colour: int = 0


class _Decades:
    """Positive values on a logarithmic axis between two positions; zero has a line of its own before them."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        finite = [v for v in values if v > 0 and math.isfinite(v)]
        self.low = math.floor(math.log10(min(finite, default=1e-9)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(finite, default=1e-8)) - 1e-9), self.low + 1)
        self.has_zero = any(v == 0 for v in values)
        self.start, self.end = start, end
        self.first = start + ((end - start) * 0.12 if self.has_zero else 0)

    def __call__(self, value: float) -> float:
        """The position of ``value``. What is not a number is drawn at the far end."""
        if not value > 0:
            return self.start if value == 0 else self.end
        place = (math.log10(min(value, 10.0**self.high)) - self.low) / (self.high - self.low)
        return self.first + max(place, 0.0) * (self.end - self.first)

    def ticks(self, at_most: int) -> list[tuple[float, str]]:
        """Positions and labels, powers of ten."""
        stride = math.ceil((self.high - self.low) / at_most)
        marks = [(self(10.0**k), _power(k)) for k in range(self.low, self.high + 1, stride)]
        return [(self.start, "0"), *marks] if self.has_zero else marks

    def fine_ticks(self) -> list[tuple[float, str]]:
        """Positions and labels, with 2 and 5 between powers of ten."""
        values = [m * 10.0**k for k in range(self.low, self.high) for m in (1, 2, 5)] + [10.0**self.high]
        return [(self(v), f"{v:g}") for v in values]


def line_chart(
    series: Sequence[Series], x_label: str, y_label: str, limit: float | None = None, limit_label: str = ""
) -> str:
    """Lines over a linear x axis and a logarithmic y axis, with a dashed line at ``limit``."""
    values = [y for s in series for _, y in s.points] + ([limit] if limit else [])
    last = max((x for s in series for x, _ in s.points), default=0) + 1
    y = _Decades(values, HEIGHT - BOTTOM, TOP)
    parts = [_y_axis(y, y_label), _x_axis(last, x_label), *(_line(s, last, y) for s in series)]
    if limit:
        level = y(limit)
        end = HALF - RIGHT
        parts.append(_rule("limit", LEFT, level, end, level))
        parts.append(_text("limit-label", end, level + 14, escape(limit_label), "end"))
    return _svg(HALF, HEIGHT, parts, f"{y_label} over {x_label}")


def range_chart(rows: Sequence[Range], x_label: str) -> str:
    """Rows on a logarithmic axis, each from low to high with its middle as a mark and a number."""
    left, right = 170, 92
    x = _Decades([v for r in rows for v in (r.low, r.high)], left, FULL - right)
    bottom = ROW * len(rows) + 8
    parts = []
    for place, text in x.fine_ticks() if x.high - x.low < 4 else x.ticks(8):
        parts += [_rule("grid", place, 4, place, bottom), _text("tick", place, bottom + 18, text)]
    parts.append(_text("axis-label", (left + FULL - right) / 2, bottom + 38, escape(x_label)))
    parts += [_range_row(row, x, 4 + ROW * k + ROW / 2) for k, row in enumerate(rows)]
    return _svg(FULL, bottom + 44, parts, x_label)


def bar_chart(bars: Sequence[Bar], caption: str) -> str:
    """Horizontal bars from zero, each with its text."""
    left, right = 150, 84
    largest = max((b.value for b in bars), default=1) or 1
    parts = []
    for k, bar in enumerate(bars):
        middle = ROW * k + ROW / 2
        length = max((HALF - left - right) * bar.value / largest, 1.5)
        parts.append(_text("row-label", left - 10, middle + 4, escape(_short(bar.label)), "end"))
        parts.append(_box("fill", bar.colour, left, middle, length, 14))
        parts.append(_text("value", left + length + 8, middle + 4, escape(bar.text), "start"))
    return _svg(HALF, ROW * len(bars), parts, caption)


def _svg(width: float, height: float, parts: Sequence[str], caption: str) -> str:
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(caption)}">'
    return f"{head}{''.join(parts)}</svg>"


def _line(series: Series, last: float, y: _Decades) -> str:
    places = [(_x(px, last), y(py)) for px, py in series.points]
    title = f"<title>{escape(series.label)}</title>"
    if len(places) == 1:
        ((px, py),) = places
        return f'<circle class="dot" {_colour(series.colour)} cx="{px:.1f}" cy="{py:.1f}" r="4">{title}</circle>'
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
    return f'<polyline class="line" {_colour(series.colour)} points="{path}">{title}</polyline>'


def _range_row(row: Range, x: _Decades, middle: float) -> str:
    low, mark, high = x(row.low), x(row.middle), x(row.high)
    title = f"{escape(row.label)}: {row.low:.3g} to {row.high:.3g}, median {row.middle:.3g}"
    parts = [
        _text("row-label", x.start - 12, middle + 4, escape(_short(row.label)), "end"),
        _box("range", row.colour, low, middle, max(high - low, 3), 13),
        _rule("mark", mark, middle - 8, mark, middle + 8),
        _text("value", x.end + 14, middle + 4, f"{row.middle:.3g} µs", "start"),
    ]
    return f"<g {_colour(row.colour)}><title>{title}</title>{''.join(parts)}</g>"


def _y_axis(y: _Decades, label: str) -> str:
    parts = []
    for place, text in y.ticks(6):
        parts += [
            _rule("grid", LEFT, place, HALF - RIGHT, place),
            _text("tick", LEFT - 8, place + 4, text, "end"),
        ]
    turned = f"translate(12 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"
    parts.append(f'<text class="axis-label" transform="{turned}" text-anchor="middle">{escape(label)}</text>')
    return "".join(parts)


def _x_axis(last: float, label: str) -> str:
    parts = []
    for value in _nice(last):
        anchor = "end" if value > 0.97 * last else "middle"
        parts.append(_text("tick", _x(value, last), HEIGHT - BOTTOM + 18, f"{value:,.0f}", anchor))
    parts.append(_text("axis-label", (LEFT + HALF - RIGHT) / 2, HEIGHT - 6, escape(label)))
    return "".join(parts)


def _x(value: float, last: float) -> float:
    return LEFT + (HALF - LEFT - RIGHT) * value / last


def _nice(last: float) -> list[float]:
    """About five round numbers from 0 to ``last``."""
    raw = last / 5
    scale = 10.0 ** math.floor(math.log10(raw)) if raw > 1 else 1.0
    step = next(m * scale for m in (1, 2, 5, 10) if m * scale >= raw)
    return [step * k for k in range(int(last / step) + 1)]


def _rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _box(kind: str, colour: int, x: float, middle: float, width: float, height: float) -> str:
    place = f'x="{x:.1f}" y="{middle - height / 2:.1f}" width="{width:.1f}" height="{height:g}" rx="3"'
    return f'<rect class="{kind}" {_colour(colour)} {place}/>'


def _text(kind: str, x: float, y: float, svg: str, anchor: str = "middle") -> str:
    """``svg`` is already escaped."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{svg}</text>'


def _colour(number: int) -> str:
    return f'style="--c:var(--series-{number % COLOURS})"'


def _power(exponent: int) -> str:
    if -2 <= exponent <= 4:
        return f"{10.0**exponent:g}"
    sign = "−" if exponent < 0 else ""
    return f'10<tspan dy="-5" font-size="9">{sign}{abs(exponent)}</tspan>'


def _short(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:8]}…{text[-9:]}"
