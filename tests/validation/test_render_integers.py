"""What the page says of integers: errors of layers, ranges, what was clipped, and the search for schemes."""

from __future__ import annotations

import re

from edgernn.quant.assignment import Assignment, Search, Sensitivity
from edgernn.validation.integer_results import IntegerReport, Saturation, ValueFidelity
from edgernn.validation.render.html import render_html
from tests.validation.reports import artifact, report


def integers(clipped: int = 12) -> IntegerReport:
    return IntegerReport(
        sequences=4, frames=400,
        values=[
            ValueFidelity("gru", "gru", "int16x8", "int16", 47.6, 0.031, 1.0, 0.98, 0.5, 0.0),
            ValueFidelity("head<b>", "linear", "int8", "int16", None, 0.0, 5.7, 5.6, 5.7, 0.25),
        ],
        saturation=[Saturation("gru", "z", clipped, 400), Saturation("gru", "r", 0, 400)],
    )  # fmt: skip


def page(clipped: int = 12, search: Search | None = None) -> str:
    found = report(artifact())
    found.integers, found.search = integers(clipped), search
    return render_html(found)


def rows(html: str) -> list[str]:
    return [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)]


def test_each_value_has_its_error_and_the_share_of_its_range() -> None:
    found = [row.split() for row in rows(page())]
    assert ["gru", "gru", "int16x8", "int16", "47.6", "3.10e-2", "0.5", "±1", "0%", "50.0%"] in found
    assert any(row[:1] == ["head&lt;b&gt;"] and row[-2:] == ["25.0%", "100.0%"] for row in found)


def test_what_was_clipped_is_told_by_gate() -> None:
    html = page()
    found = [row.split() for row in rows(html)]
    assert ["gru", "z", "400", "12", "3.00%"] in found
    assert ["gru", "r", "400", "0", "0%"] in found
    assert "gru z" in html
    assert "Nothing was clipped." not in html
    assert "Nothing was clipped." in page(clipped=0)


def test_the_search_says_what_was_tried_and_chosen() -> None:
    base = Assignment({"gru": "int16x8", "head": "int16x8"}, 0.0, 4096, 60000)
    best = Assignment({"gru": "int16x8", "head": "int8"}, 0.005, 4096, 58000)
    tried = [Sensitivity("gru", "int8", 0.2, 0.2, 0, 2000), Sensitivity("head", "int8", 0.005, 0.005, 0, 2000)]
    html = page(search=Search("agreement", 0.01, base, best, True, tried, 3))
    found = [row.split() for row in rows(html)]
    assert "Loss 0.005 of at most 0.01 by agreement" in html
    assert ["head", "int8", "0.005", "0.005", "0", "yes"] in found
    assert ["gru", "int8", "0.2", "0.2", "0"] in found


def test_a_float_model_has_none_of_it() -> None:
    html = render_html(report(artifact()))
    assert "layer by layer" not in html
    assert "Schemes of the layers" not in html
