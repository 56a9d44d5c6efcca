"""What the forms of a report show of integers alike: rows of text, and sentences."""

from __future__ import annotations

import math
from itertools import groupby

from edgernn.quant.assignment import Search
from edgernn.validation.integer_results import IntegerReport
from edgernn.validation.render import view

VALUE_HEAD = (
    "value", "op", "scheme", "dtype", "SQNR dB", "max error", "largest value", "range of the integers", "range used",
    "beyond calibration",
)  # fmt: skip
SATURATION_HEAD = ("node", "values", "clipped", "share", "by gate and state")
SENSITIVITY_HEAD = ("layer", "scheme", "loss", "added loss", "bytes saved", "chosen")
ASSIGNMENT_HEAD = ("layer", "scheme")


def value_rows(report: IntegerReport) -> list[tuple[str, ...]]:
    """Cells under VALUE_HEAD."""
    return [
        (v.value, v.op, v.scheme or view.NOTHING, v.dtype, view.sqnr(v.sqnr_db), view.error(v.max_error),
         f"{v.seen:.3g}", f"±{v.represented:.3g}", percent(v.used), percent(v.outside))
        for v in report.values
    ]  # fmt: skip


def saturation_rows(report: IntegerReport) -> list[tuple[str, ...]]:
    """Cells under SATURATION_HEAD, a row a node."""
    rows: list[tuple[str, ...]] = []
    for layer, group in groupby(report.saturation, key=lambda s: s.layer):
        parts = list(group)
        count, total = sum(p.count for p in parts), sum(p.total for p in parts)
        named = ", ".join(f"{p.part} {p.count:,}" for p in parts if p.part != "result")
        rows.append((layer, f"{total:,}", f"{count:,}", percent(count / max(1, total)), named))
    return rows


def sensitivity_rows(search: Search) -> list[tuple[str, ...]]:
    """Cells under SENSITIVITY_HEAD, the least loss first."""
    return [
        (s.layer, s.scheme, loss(s.loss), loss(s.added_loss), f"{s.saved_bytes:,}",
         "yes" if search.best.schemes[s.layer] == s.scheme else "")
        for s in sorted(search.sensitivities, key=lambda s: (s.added_loss, s.layer))
    ]  # fmt: skip


def assignment_rows(search: Search) -> list[tuple[str, ...]]:
    """Cells under ASSIGNMENT_HEAD."""
    return list(search.best.schemes.items())


def search_verdict(search: Search) -> str:
    """What came of a search, in one sentence."""
    base, best = search.base, search.best
    head = f"loss {loss(best.loss)} of at most {loss(search.bound)} by {search.metric}"
    if not search.met:
        return f"No assignment of schemes stays within the bound; the best one has a {head}."
    saved = f"{view.size(best.weight_bytes)} of weights instead of {view.size(base.weight_bytes)}"
    return f"{head[0].upper()}{head[1:]}, with {saved}; {search.trials} integer programs were made and run."


def integer_summary(report: IntegerReport) -> str:
    """The weakest value and all saturations, in one sentence."""
    count, total = sum(s.count for s in report.saturation), sum(s.total for s in report.saturation)
    known = [v for v in report.values if v.sqnr_db is not None]
    weakest = min(known, key=lambda v: v.sqnr_db or 0.0, default=None)
    worst = f"lowest SQNR {view.sqnr(weakest.sqnr_db)} dB at {weakest.value}; " if weakest else ""
    return f"{worst}{count:,} of {total:,} intermediate results clipped in {report.frames:,} frames"


def percent(share: float) -> str:
    """A share: nothing is 0 %, and little is not nothing."""
    if share == 0:
        return "0%"
    if share < 1e-4:
        return "<0.01%"
    return f"{100 * share:.2f}%" if share < 0.1 else f"{100 * share:.1f}%"


def loss(value: float) -> str:
    """A loss, whose unit depends on the metric."""
    return "not possible" if math.isinf(value) and value > 0 else f"{value:.4g}".replace("-", "−")
